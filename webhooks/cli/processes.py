"""The processes of the system: gateway and workers, or both in one."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Annotated

import typer

from supabase_webhooks.webhooks.settings import Settings

#: Dramatiq reads these when it is imported. One message at a time, since a message drains whatever is due and
#: another process should have the next. An idle process checks Redis every second: it is notified of new deliveries by
#: Postgres, or finds them itself.
WORKER_ENVIRONMENT = {"dramatiq_queue_prefetch": "1", "dramatiq_worker_timeout": "1000"}


Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.")]


def gateway(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve the gateway. Settings: the environment and .env."""
    _settings()
    _become("supabase_webhooks.gateway", "--host", host, "--port", str(port))


def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve the gateway and deliver, in one process without a broker. Settings: the environment and .env."""
    _settings()
    _become("supabase_webhooks.gateway", "--deliver", "--host", host, "--port", str(port))


def worker(processes: Annotated[int, typer.Option(help="Worker processes.", min=1)] = 1) -> None:
    """Deliver, with a broker. Settings: the environment and .env."""
    # importing it takes a moment: not for --help, nor for the shell's completion
    from supabase_webhooks.webhooks.queue import create_broker  # noqa: PLC0415

    given = _settings()
    # says what is missing, before Dramatiq does in a trace
    create_broker(given.queue_url)
    os.environ.update(WORKER_ENVIRONMENT)
    if given.metrics_listen:
        # where prometheus_client adds up several processes' figures; a new folder, for those of former ones count
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="webhooks-metrics-")
    _become("supabase_webhooks.workers", "--threads", "1", "--processes", str(processes))


def _settings() -> Settings:
    """Return the settings of the process, which says in its log which project they name. No profile is used for it."""
    return Settings.from_environment(os.environ)


def _become(*command: str) -> None:
    os.execv(sys.executable, [sys.executable, "-m", *command])  # noqa: S606 - our own interpreter
