"""Workers that trust the benchmark's own certificate: `python -m bench.trusting`, in place of `webhooks worker`.

Workers take the authorities that they trust from certifi, and from nothing in the environment. So that the delivery
path is measured as it is; only certifi's result is replaced.
"""

from __future__ import annotations

import os
import sys

import certifi
from dramatiq.cli import main, make_argument_parser

from supabase_webhooks.webhooks import logs
from supabase_webhooks.webhooks.settings import Settings
from supabase_webhooks.workers.main import main as declare

#: The variable that names the certificate's file.
TRUSTED = "BENCH_TRUSTED_CERTIFICATE"


def trust() -> None:
    """Trust the certificate that the environment names, if it names one."""
    if file := os.environ.get(TRUSTED):
        certifi.where = lambda: file


def worker() -> None:
    """Wire a worker, as workers.main does. Dramatiq calls it once in each process."""
    trust()
    declare()


if __name__ == "__main__":
    logs.configure(Settings.from_environment(os.environ))
    arguments = ["bench.trusting:worker", "--skip-logging", *sys.argv[1:]]
    sys.exit(main(make_argument_parser().parse_args(arguments)))  # type: ignore[no-untyped-call]  # Dramatiq is typed in part
