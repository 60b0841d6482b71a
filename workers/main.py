"""The worker's composition root: `dramatiq workers.main:main`, or `webhooks worker`, which sets it up."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING

import dramatiq
import uvloop

from webhooks import logs
from webhooks.errors import SettingsError
from webhooks.queue import Calls, create_broker
from webhooks.settings import Settings
from webhooks.versions import CheckedStore
from workers.actors import Lifecycle, Worker
from workers.adapters.cache import AdapterCache
from workers.metrics import Metrics
from workers.signals import obey_first
from workers.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers.listener import Listener
    from workers.traces import Traces

#: Objects made and not yet freed before Python looks for cycles among them; its default is 700.
GARBAGE = 20_000

#: OpenTelemetry's own variables that say where traces go.
OTLP = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def main() -> None:
    """Wire a worker from the environment. Dramatiq calls it once in each process."""
    # connections are kept for each endpoint: as many files as the system allows
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    settings = Settings.from_environment(os.environ)
    # Dramatiq's stderr is a pipe to its first process, which writes everything again: a fifth of a worker's CPU
    logs.configure(settings, sys.__stderr__)
    # Dramatiq makes its loop after this
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    lifecycle = Lifecycle(metrics=bool(settings.metrics_listen))
    obey_first(lifecycle.stop_claims, seconds=settings.shutdown_seconds)
    broker = create_broker(settings.queue_url, [lifecycle])
    dramatiq.set_broker(broker)
    dramatiq.set_encoder(Calls())
    lifecycle.worker = Worker(
        CheckedStore(settings),
        AdapterCache(settings),
        broker,
        settings,
        name=f"{socket.gethostname()}:{os.getpid()}",
        telemetry=Telemetry(Metrics(), _traces(os.environ)),
    )
    lifecycle.sweep = settings.sweep_seconds > 0
    if settings.database_url:
        lifecycle.worker.listen(_listener(settings.database_url))
    lifecycle.worker.declare()
    # what lives for ever is not looked at again, and the rest less often: garbage in cycles is rare here, and looking
    # for it among thousands of headers and futures took a tenth of a worker's CPU
    gc.freeze()
    gc.set_threshold(GARBAGE)


def _listener(database_url: str) -> Callable[[Callable[[], None]], Listener]:
    """Return what makes the listener."""
    try:
        from workers.listener import Listener  # noqa: PLC0415 - of an extra
    except ImportError as exc:
        raise SettingsError(
            "WEBHOOKS_DATABASE_URL needs psycopg; install it: pip install 'supabase-webhooks[listen]'"
        ) from exc
    return partial(Listener, database_url)


def _traces(environment: Mapping[str, str]) -> Traces | None:
    """Return the traces that the environment asks for, or None."""
    if not any(environment.get(name) for name in OTLP):
        return None
    try:
        from workers.traces import Traces  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError as exc:
        raise SettingsError(
            f"{OTLP[0]} asks for traces, which need {exc.name}; install it: pip install 'supabase-webhooks[otel]'"
        ) from exc
    return Traces()
