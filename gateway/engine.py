"""The delivery engine in the gateway's process: the only place where the gateway uses the workers.

It is loaded on demand: a gateway that does not deliver loads no adapter.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client import CollectorRegistry

    from supabase_webhooks.webhooks.deliveries import Drained
    from supabase_webhooks.webhooks.queue import Local
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.store import Store

#: Seconds between two looks at whether the last drain has ended.
LOOK_SECONDS = 0.02


class Stoppable(Protocol):
    """Something that delivers, and stops at a signal."""

    def stop(self) -> None:
        """Stop claiming."""
        ...


class Background(Stoppable, Protocol):
    """A worker in the gateway's process; `registry` holds its metrics."""

    registry: CollectorRegistry

    def start(self) -> None:
        """Start delivering."""
        ...

    async def close(self) -> None:
        """Finish and record deliveries in flight."""
        ...


class Engine:
    """The drains of a gateway's requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._drains: set[Stoppable] = set()
        self._stopped = False

    async def drain(self, store: Store, *, seconds: float, linger: float = 0.0) -> Drained:
        """Claim, deliver and record, for `seconds` at most. Raises StoreError when nothing could be claimed for it."""
        from supabase_webhooks.workers.bounded import Bounded  # noqa: PLC0415 - see above

        drain = Bounded(store, self._settings, seconds=seconds, linger=linger)
        if self._stopped:
            drain.stop()
        self._drains.add(drain)
        try:
            return await drain.run()
        finally:
            self._drains.remove(drain)

    async def keep_up(self, store: Store, *, seconds: float) -> None:
        """Delete what is old, seal secrets and prepare partitions, as workers do."""
        from supabase_webhooks.workers.bounded import keep_up  # noqa: PLC0415 - see above

        await keep_up(store, self._settings, seconds=seconds)

    def stop(self) -> None:
        """Have every drain stop claiming."""
        self._stopped = True
        for drain in self._drains:
            drain.stop()

    async def close(self) -> None:
        """Wait until every drain has ended, including those whose requests were cut off."""
        self.stop()
        while self._drains:  # noqa: ASYNC110 - they end within their grace period
            await asyncio.sleep(LOOK_SECONDS)


def background(settings: Settings, broker: Local, environment: Mapping[str, str]) -> Background:
    """Return a worker for this process. Raises SettingsError if a package that the environment requires is missing."""
    from supabase_webhooks.workers.background import Background as Worker  # noqa: PLC0415 - see above

    return Worker(settings, broker, environment)
