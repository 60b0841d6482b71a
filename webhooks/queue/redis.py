"""Redis or Valkey: a list of jobs, a key with an end for each turn."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError

from webhooks.queue.port import QUEUE, TIMEOUT, Broker, drain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dramatiq import Middleware


class Redis(RedisBroker, Broker):
    """Dramatiq's broker on Redis; each ability is one round trip."""

    service: ClassVar[str] = "Redis"

    def __init__(self, url: str, middleware: Sequence[Middleware] = ()) -> None:
        pool = redis.ConnectionPool.from_url(
            url, socket_connect_timeout=TIMEOUT, socket_keepalive=True, health_check_interval=30
        )
        super().__init__(  # type: ignore[no-untyped-call]  # Dramatiq is typed in part
            client=redis.Redis(connection_pool=pool), middleware=list(middleware)
        )

    def announce(self, jobs: int) -> int:
        """Enqueue what is missing."""
        with self._asked("did not take the jobs"):
            missing = max(0, jobs - int(self.client.llen(f"{self.namespace}:{QUEUE}")))
            for _ in range(missing):
                self.enqueue(drain())
        return missing

    def announce_later(self, milliseconds: int) -> None:
        """Enqueue a delayed message."""
        with self._asked("did not take the wake-up call"):
            self.enqueue(drain(), delay=milliseconds)

    def take_turn(self, turn: str, *, owner: str, milliseconds: int) -> bool:
        """Set a key that ends by itself."""
        with self._asked("did not answer"):
            return bool(self.client.set(turn, owner, nx=True, px=milliseconds))

    def ping(self) -> None:
        """Ask for an answer."""
        with self._asked("did not answer"):
            self.client.ping()

    def close(self) -> None:
        """Close the pool, which Dramatiq leaves open."""
        super().close()
        self.client.connection_pool.disconnect()

    @contextmanager
    def _asked(self, failure: str) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, BrokerConnectionError, OSError) as exc:
            raise self.unavailable(failure, exc) from exc
