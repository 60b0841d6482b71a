"""Upkeep, by one worker at a time: secrets are sealed, partitions made, old rows deleted."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.errors import QueueUnavailable, StoreError
from supabase_webhooks.webhooks.queue import take_turn
from supabase_webhooks.webhooks.sealing import seal_secrets

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.queue import Broker
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.store import Store

logger = logging.getLogger(__name__)

#: Held by the worker whose turn it is, for one interval.
TURN = "webhooks:upkeep"

#: Older than anything that a database holds.
FOREVER = timedelta(days=36_500)

#: Rows deleted by one call: about 50 ms, so that their locks do not block others.
BATCH = 1000


class Upkeep:
    """Works at each interval: a minute, or a hundredth of a retention that is shorter than that takes."""

    def __init__(self, store: Store, broker: Broker, settings: Settings, *, worker: str) -> None:
        self._store = store
        self._broker = broker
        # with retention off, the same call still finds rows that a restore left without a place in the queue
        self._older_than = timedelta(days=settings.retention_days) or FOREVER
        self._interval = min(60.0, max(1.0, self._older_than.total_seconds() / 100))
        self._keys = settings.encryption_keys
        self._worker = worker

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self.once()
            except (StoreError, QueueUnavailable) as exc:
                logger.warning("upkeep is delayed: %s", exc)
            except Exception:
                # it must continue, whatever this was
                logger.exception("upkeep failed")
            await asyncio.sleep(self._interval)

    async def once(self) -> None:
        """Seal, purge and prepare, if it is this worker's turn."""
        milliseconds = int(self._interval * 900)
        if not await asyncio.to_thread(take_turn, self._broker, TURN, owner=self._worker, milliseconds=milliseconds):
            return
        if self._keys and (sealed := await seal_secrets(self._store, self._keys)):
            logger.info("%d secrets encrypted with the first key", sealed)
        if purged := await self._purge():
            logger.info("%d finished rows older than %s deleted", purged, self._older_than)
        if made := await self._store.prepare_partitions():
            logger.info("%d partitions created ahead", made)

    async def _purge(self) -> int:
        purged = 0
        while batch := await self._store.purge(self._older_than, batch_size=BATCH):
            purged += batch
        return purged
