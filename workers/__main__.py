"""`python -m supabase_webhooks.workers`: Dramatiq's command line with our logs. `webhooks worker` sets it up."""

from __future__ import annotations

import logging
import os
import signal
import sys

from dramatiq.cli import HANDLED_SIGNALS, main, make_argument_parser

from supabase_webhooks.webhooks import environment, logs
from supabase_webhooks.webhooks.settings import Settings

if __name__ == "__main__":
    environment.load(os.environ)
    settings = Settings.from_environment(os.environ)
    logs.configure(settings)
    logging.getLogger("supabase_webhooks.workers").info("project %s", settings.host)
    # Dramatiq restarts itself at a SIGHUP; a closed session, or a supervisor, means the end
    HANDLED_SIGNALS.discard(signal.SIGHUP)
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    # its own logs would have another format
    arguments = ["supabase_webhooks.workers.main:main", "--skip-logging", *sys.argv[1:]]
    sys.exit(main(make_argument_parser().parse_args(arguments)))  # type: ignore[no-untyped-call]  # Dramatiq is typed in part
