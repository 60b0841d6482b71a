"""The sweep: finds due rows that nobody announced, once a second by one worker at a time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from webhooks.errors import QueueUnavailable, StoreError
from webhooks.queue import announce, take_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhooks.queue import Broker
    from webhooks.settings import Settings
    from webhooks.store import Store

logger = logging.getLogger(__name__)

#: Held by the worker whose turn it is, for one interval. Wiped with the broker, it is simply taken again.
TURN = "webhooks:sweep"


class Sweep:
    """Looks every `sweep_seconds`; errors are logged once until it works again.

    `check_urls` is called when there are URLs to check.
    """

    def __init__(
        self, store: Store, broker: Broker, settings: Settings, *, worker: str, check_urls: Callable[[], None]
    ) -> None:
        self._store = store
        self._broker = broker
        self._settings = settings
        self._worker = worker
        self._check_urls = check_urls
        self._failing = False

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(self._settings.sweep_seconds)
            try:
                await self.once()
            except (StoreError, QueueUnavailable) as exc:
                if not self._failing:
                    logger.warning("the sweep waits: %s", exc)
                self._failing = True
            except Exception:
                # it must go on, whatever this was
                logger.exception("the sweep failed")
            else:
                if self._failing:
                    logger.info("the sweep works again")
                self._failing = False

    async def once(self) -> int:
        """Announce what is due, if it is this worker's turn; return the number of jobs."""
        milliseconds = max(1, int(self._settings.sweep_seconds * 900))
        if not await asyncio.to_thread(take_turn, self._broker, TURN, owner=self._worker, milliseconds=milliseconds):
            return 0
        backlog = await self._store.backlog()
        if backlog.unchecked_urls:
            self._check_urls()
        if not backlog.due:
            return 0
        return await asyncio.to_thread(announce, self._broker, due=backlog.due, max_jobs=self._settings.max_jobs)
