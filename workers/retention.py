"""Retention: deletes what is finished and old, by one worker at a time, a batch a call."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from webhooks.errors import QueueUnavailable, StoreError
from webhooks.queue import take_turn

if TYPE_CHECKING:
    from dramatiq.brokers.redis import RedisBroker

    from webhooks.settings import Settings
    from webhooks.store import Store

logger = logging.getLogger(__name__)

#: Held by the worker whose turn it is, for one interval.
TURN = "webhooks:retention"

#: Rows deleted by one call: some 50 ms, so that nobody waits for their locks.
BATCH = 1000


class Retention:
    """Purges at each interval: a hundredth of the retention, between a second and a minute."""

    def __init__(self, store: Store, broker: RedisBroker, settings: Settings, *, worker: str) -> None:
        self._store = store
        self._broker = broker
        self._older_than = timedelta(days=settings.retention_days)
        self._interval = min(60.0, max(1.0, self._older_than.total_seconds() / 100))
        self._worker = worker

    async def run(self) -> None:
        """Purge until cancelled; at once return when everything is kept."""
        while self._older_than:
            try:
                if purged := await self.once():
                    logger.info("%d finished rows older than %s deleted", purged, self._older_than)
            except (StoreError, QueueUnavailable) as exc:
                logger.warning("retention waits: %s", exc)
            await asyncio.sleep(self._interval)

    async def once(self) -> int:
        """Purge all that is old, if it is this worker's turn; return how many rows."""
        milliseconds = int(self._interval * 900)
        if not await asyncio.to_thread(take_turn, self._broker, TURN, owner=self._worker, milliseconds=milliseconds):
            return 0
        purged = 0
        while batch := await self._store.purge(self._older_than, batch_size=BATCH):
            purged += batch
        return purged
