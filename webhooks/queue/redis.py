"""Redis or Valkey: a list of jobs, and an expiring key for each turn."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, ClassVar

import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError

from supabase_webhooks.webhooks.errors import QueueUnavailable
from supabase_webhooks.webhooks.queue.port import (
    QUEUE,
    READY,
    READY_SECONDS,
    READY_TIMEOUT,
    TIMEOUT,
    SharedBroker,
    drain,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dramatiq import Middleware

#: Redis's return value for a key that does not expire.
NO_END = -1


class Redis(RedisBroker, SharedBroker):
    """Dramatiq's broker on Redis; each ability is one round trip."""

    service: ClassVar[str] = "Redis"

    def __init__(self, url: str, middleware: Sequence[Middleware] = ()) -> None:
        pool = redis.ConnectionPool.from_url(
            url, socket_connect_timeout=TIMEOUT, socket_keepalive=True, health_check_interval=30
        )
        self._url = url
        super().__init__(  # type: ignore[no-untyped-call]  # Dramatiq is typed in part
            client=redis.Redis(connection_pool=pool), middleware=list(middleware)
        )

    def announce(self, jobs: int) -> int:
        """Enqueue what is missing."""
        with self._asked("did not accept the jobs"):
            missing = max(0, jobs - int(self.client.llen(f"{self.namespace}:{QUEUE}")))
            for _ in range(missing):
                self.enqueue(drain())
        return missing

    def announce_later(self, milliseconds: int) -> None:
        """Enqueue a delayed message."""
        with self._asked("did not accept the wake-up call"):
            self.enqueue(drain(), delay=milliseconds)

    def take_turn(self, turn: str, *, owner: str, milliseconds: int) -> bool:
        """Set a key that expires. A key that someone set without an expiry, or with a later one, gets this one."""
        with self._asked("did not respond"):
            if self.client.set(turn, owner, nx=True, px=milliseconds):
                return True
            left = int(self.client.pttl(turn))
            if left == NO_END or left > milliseconds:
                self.client.pexpire(turn, milliseconds)
            return False

    def ping(self) -> None:
        """Set a key that expires: a server that is full, read-only or cannot save still responds to PING."""
        patience = {"socket_connect_timeout": READY_TIMEOUT, "socket_timeout": READY_TIMEOUT}
        try:
            with self._asked("did not respond"), closing(redis.Redis.from_url(self._url, **patience)) as client:
                client.set(READY, "1", ex=READY_SECONDS)
        except QueueUnavailable as exc:
            if isinstance(exc.__cause__, redis.ResponseError):
                # Redis's own text, without a password
                raise QueueUnavailable(f"Redis accepts no writes ({exc.__cause__})", service="redis") from exc
            raise

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
