"""The wiring of a worker, for the processes that have one: `webhooks worker` and `webhooks serve`."""

from __future__ import annotations

import gc
import os
import resource
import socket
from functools import partial
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.errors import SettingsError
from supabase_webhooks.webhooks.versions import CheckedStore
from supabase_webhooks.workers.adapters.cache import AdapterCache
from supabase_webhooks.workers.metrics import Metrics
from supabase_webhooks.workers.telemetry import Telemetry
from supabase_webhooks.workers.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supabase_webhooks.webhooks.queue import Broker
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.workers.listener import Listener
    from supabase_webhooks.workers.traces import Traces

#: Live objects created before Python looks for cycles among them; its default is 700.
GARBAGE = 20_000

#: OpenTelemetry's own variables that say where traces go.
OTLP = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def make_worker(settings: Settings, broker: Broker, environment: Mapping[str, str]) -> Worker:
    """Return a worker that is woken by a broker and, where the settings ask for it, by a listener.

    Raises SettingsError if a package that the environment requires is missing.
    """
    worker = Worker(
        CheckedStore(settings),
        AdapterCache(settings),
        broker,
        settings,
        name=worker_name(),
        telemetry=Telemetry(Metrics(), _traces(environment)),
    )
    if settings.database_url:
        worker.listen(_listener(settings.database_url))
    return worker


def worker_name() -> str:
    """Return this process's name in leases."""
    return f"{socket.gethostname()}:{os.getpid()}"


def allow_many_files() -> None:
    """Let the process open as many files as the system allows: connections are kept for each endpoint."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def collect_seldom() -> None:
    """Collect garbage less often, and skip long-lived objects: call it once everything is wired.

    Garbage in cycles is rare here, and looking for it among thousands of headers and futures took a tenth of a
    worker's CPU.
    """
    gc.freeze()
    gc.set_threshold(GARBAGE)


def _listener(database_url: str) -> Callable[[Callable[[], None]], Listener]:
    """Return a factory for the listener."""
    try:
        from supabase_webhooks.workers.listener import Listener  # noqa: PLC0415 - of an extra
    except ImportError as exc:
        raise SettingsError(
            "WEBHOOKS_DATABASE_URL needs psycopg; install it: pip install 'supabase-webhooks[listen]'"
        ) from exc
    return partial(Listener, database_url)


def _traces(environment: Mapping[str, str]) -> Traces | None:
    """Return the traces that the environment enables, or None."""
    if not any(environment.get(name) for name in OTLP):
        return None
    try:
        from supabase_webhooks.workers.traces import Traces  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError as exc:
        raise SettingsError(
            f"{OTLP[0]} enables traces, which need {exc.name}; install it: pip install 'supabase-webhooks[otel]'"
        ) from exc
    return Traces()
