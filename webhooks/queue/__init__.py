"""The queue: wake-up calls in Redis or RabbitMQ, or within the process. A message only says "drain": Postgres knows
what is due.

`create_broker` and `broker_for` choose; the functions are what gateway and workers ask of each. They block for a round
trip or a few, and raise QueueUnavailable.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from supabase_webhooks.webhooks.errors import SettingsError
from supabase_webhooks.webhooks.queue.local import Local
from supabase_webhooks.webhooks.queue.port import DRAIN, QUEUE, Broker, Calls, SharedBroker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dramatiq import Middleware

__all__ = [
    "DRAIN",
    "QUEUE",
    "ROWS_PER_JOB",
    "Broker",
    "Calls",
    "Local",
    "SharedBroker",
    "announce",
    "announce_later",
    "broker_for",
    "create_broker",
    "ping",
    "take_turn",
]

#: Due rows that justify another job: two claims of the default size.
ROWS_PER_JOB = 500

#: scheme of a URL -> the broker there, imported on first use. Other schemes are Redis's: redis, rediss, unix.
BROKERS = {
    "amqp": "supabase_webhooks.webhooks.queue.rabbitmq:RabbitMQ",
    "amqps": "supabase_webhooks.webhooks.queue.rabbitmq:RabbitMQ",
}
REDIS = "supabase_webhooks.webhooks.queue.redis:Redis"


def broker_for(url: str) -> Broker:
    """Return the broker of a URL; without one, the process's own, which does nothing until a worker is bound."""
    return create_broker(url) if url else Local()


def create_broker(url: str, middleware: Sequence[Middleware] = ()) -> SharedBroker:
    """Return the broker of a URL; nothing is connected yet. Raises SettingsError without one, or without its client.

    None of Dramatiq's default middleware is used. Retries, AgeLimit and TimeLimit would repeat or drop work that
    Postgres owns: a lost wake-up call is announced again by the sweep or the cron.
    """
    if not url:
        raise SettingsError(
            "separate workers need a broker: set REDIS_URL (or WEBHOOKS_BROKER_URL) for them and the gateway; "
            "`webhooks serve`, which delivers in the gateway's process, needs none"
        )
    module, _, name = BROKERS.get(urlsplit(url).scheme, REDIS).partition(":")
    try:
        broker = getattr(import_module(module), name)
    except ModuleNotFoundError as exc:
        raise SettingsError(
            f"RabbitMQ needs {exc.name}, which is not installed: pip install 'supabase-webhooks[rabbitmq]'"
        ) from exc
    return broker(url, middleware)  # type: ignore[no-any-return]  # from a table of texts


def announce(broker: Broker, *, due: int, max_jobs: int) -> int:
    """Enqueue as many drain jobs as `due` rows need, up to `max_jobs` waiting ones; return how many."""
    return broker.announce(min(max_jobs, math.ceil(due / ROWS_PER_JOB)))


def announce_later(broker: Broker, *, seconds: float) -> None:
    """Enqueue one drain job that starts in `seconds`."""
    broker.announce_later(math.ceil(seconds * 1000))


def take_turn(broker: Broker, turn: str, *, owner: str, milliseconds: int) -> bool:
    """Return whether `turn` was free; if so, `owner` holds it for this long."""
    return broker.take_turn(turn, owner=owner, milliseconds=milliseconds)


def ping(broker: Broker) -> None:
    """Check that the broker responds."""
    broker.ping()
