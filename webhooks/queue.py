"""The queue: wake-up calls in Redis. A message says "drain", never what: Postgres knows that."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

import redis
from dramatiq import Message, Middleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError

from webhooks.errors import QueueUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

QUEUE = "webhooks"
DRAIN = "drain"

#: Due rows for which another job is worth its while: five claims of the default size.
ROWS_PER_JOB = 500

#: Seconds to wait for Redis. The gateway answers a cron, and the workers' sweep goes on without it.
REDIS_TIMEOUT = 3.0


def create_broker(redis_url: str, middleware: Sequence[Middleware] = ()) -> RedisBroker:
    """Return a broker; nothing is connected yet.

    None of Dramatiq's default middleware is used. Retries, AgeLimit and TimeLimit would repeat or drop work that
    Postgres owns: a lost wake-up call is announced again by the sweep or the cron.
    """
    pool = redis.ConnectionPool.from_url(
        redis_url, socket_connect_timeout=REDIS_TIMEOUT, socket_keepalive=True, health_check_interval=30
    )
    return RedisBroker(  # type: ignore[no-untyped-call]  # Dramatiq is typed in part
        client=redis.Redis(connection_pool=pool), middleware=list(middleware)
    )


def announce(broker: RedisBroker, *, due: int, max_jobs: int) -> int:
    """Enqueue as many drain jobs as `due` rows need, `max_jobs` waiting ones at most; return how many.

    Blocks for a round trip to Redis. Raises QueueUnavailable.
    """
    with _redis("did not take the jobs"):
        # Only what no worker fetched yet is counted: a killed worker's messages would count for minutes.
        waiting = int(broker.client.llen(f"{broker.namespace}:{QUEUE}"))
        jobs = max(0, min(max_jobs, math.ceil(due / ROWS_PER_JOB)) - waiting)
        for _ in range(jobs):
            broker.enqueue(_drain())
    return jobs


def announce_later(broker: RedisBroker, *, seconds: float) -> None:
    """Enqueue one drain job that starts in `seconds`. Blocks for a round trip. Raises QueueUnavailable."""
    with _redis("did not take the wake-up call"):
        broker.enqueue(_drain(), delay=math.ceil(seconds * 1000))


def take_turn(broker: RedisBroker, turn: str, *, owner: str, milliseconds: int) -> bool:
    """Return whether `turn` was free; it is `owner`'s for so long. Blocks for a round trip. Raises QueueUnavailable."""
    with _redis("did not answer"):
        return bool(broker.client.set(turn, owner, nx=True, px=milliseconds))


def ping(broker: RedisBroker) -> None:
    """Check that Redis answers. Raises QueueUnavailable."""
    with _redis("did not answer"):
        broker.client.ping()


@contextmanager
def _redis(failure: str) -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, BrokerConnectionError, OSError) as exc:
        raise QueueUnavailable(f"Redis {failure} ({type(exc).__name__})") from exc


def _drain() -> Message[None]:
    return Message(queue_name=QUEUE, actor_name=DRAIN, args=(), kwargs={}, options={})
