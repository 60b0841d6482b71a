"""The two processes of the system, and a secret for an endpoint."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Annotated

import typer

from webhooks.settings import Settings

#: Dramatiq reads these when it is imported. One message at a time, since a message drains whatever is due and
#: another process should have the next. An idle process looks into Redis every second: what is new it hears of from
#: Postgres, or finds by itself.
WORKER_ENVIRONMENT = {"dramatiq_queue_prefetch": "1", "dramatiq_worker_timeout": "1000"}


def gateway(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
) -> None:
    """Serve the gateway. Settings come from the environment."""
    Settings.from_environment(os.environ)
    _become("gateway", "--host", host, "--port", str(port))


def worker(processes: Annotated[int, typer.Option(help="Worker processes.", min=1)] = 1) -> None:
    """Deliver. Settings come from the environment."""
    settings = Settings.from_environment(os.environ)
    os.environ.update(WORKER_ENVIRONMENT)
    if settings.metrics_listen:
        # where prometheus_client adds up several processes' figures; a new folder, for those of former ones count
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="webhooks-metrics-")
    _become("workers", "--threads", "1", "--processes", str(processes))


def _become(*command: str) -> None:
    os.execv(sys.executable, [sys.executable, "-m", *command])  # noqa: S606 - our own interpreter
