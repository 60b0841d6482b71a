"""A bounded drain: claims, delivers and records within a time limit, and leaves nothing behind. For `?drain=`.

A serverless host freezes the process between requests: no task, timer or connection of a drain outlives it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.deliveries import RECORDING_SECONDS
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.queue import Local
from supabase_webhooks.workers.adapters.cache import AdapterCache
from supabase_webhooks.workers.drain import Drain
from supabase_webhooks.workers.tally import Tally
from supabase_webhooks.workers.upkeep import Upkeep
from supabase_webhooks.workers.urls import UrlChecks
from supabase_webhooks.workers.wiring import worker_name

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.deliveries import Drained
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.store import Store

logger = logging.getLogger(__name__)

#: The part of RECORDING_SECONDS in which unfinished deliveries are returned, and connections are closed.
CLOSING = 1.0

#: Seconds that a drain waits for a retry, with nothing else to do: the waits of the `quick` schedule, not minutes that
#: a host bills.
PATIENCE = 5.0


class Bounded:
    """One drain. `seconds` limits all of it; with `linger`, it looks again after that many seconds.

    An attempt begins only when the worker's timeout fits in what is left. That of an endpoint with a longer timeout is
    cut to what is left.
    """

    def __init__(self, store: Store, settings: Settings, *, seconds: float, linger: float = 0.0) -> None:
        now = asyncio.get_running_loop().time()
        self._end = now + seconds
        self._looks = [now + linger] if linger else []
        # what a supervisor's grace period leaves when it has cut off the request
        self._closing = min(CLOSING, settings.shutdown_seconds / 10)
        self._adapters = AdapterCache(settings)
        self._tally = Tally(store, settings, until=self._end - RECORDING_SECONDS)
        self._drain = Drain(
            self._tally,
            self._adapters,
            # the tally says when claims end
            replace(settings, drain_seconds=math.inf, shutdown_seconds=self._closing / 2),
            worker=worker_name(),
            wake=self._wake,
            hurry=True,
        )

    async def run(self) -> Drained:
        """Drain until nothing is due, or the time is up. Raises StoreError if the claims failed."""
        try:
            async with asyncio.timeout_at(self._end - self._closing):
                await self._run()
        except TimeoutError:
            logger.warning("a drain's time ended with deliveries in flight: they are returned")
        finally:
            await self._close()
        return self._tally.drained()

    def stop(self) -> None:
        """Stop claiming; deliveries in flight finish."""
        self._tally.stop()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._tally.may_claim():
            claimed = self._tally.claimed
            await self._drain.run()
            await self._tally.settled()
            if self._tally.claimed > claimed:
                # more may have become due in the meantime
                continue
            look = min([self._drain.look_at, *self._looks])
            if look > loop.time() + PATIENCE or not self._tally.may_claim(at=look):
                return
            self._looks = [at for at in self._looks if at > look]
            await self._tally.stopped(within=look - loop.time())

    def _wake(self, seconds: float) -> None:
        self._looks.append(asyncio.get_running_loop().time() + seconds)

    async def _close(self) -> None:
        self.stop()
        try:
            async with asyncio.timeout(self._closing):
                await self._drain.close()
        except TimeoutError:
            logger.warning("Supabase did not respond at the end of a drain: the leases will expire")
            self._drain.abandon()
        try:
            async with asyncio.timeout(self._closing):
                await self._adapters.close()
        except TimeoutError:
            logger.warning("connections of a drain were not closed in time")


async def keep_up(store: Store, settings: Settings, *, seconds: float) -> None:
    """Do the workers' other tasks, if there are no workers; what takes longer than `seconds` is postponed."""
    checks = UrlChecks(store, settings)
    try:
        async with asyncio.timeout(seconds):
            checks.start()
            await Upkeep(store, Local(), settings, worker=worker_name()).once()
            await checks.finished()
    except StoreError as exc:
        logger.warning("upkeep is delayed: %s", exc)
    except TimeoutError:
        logger.warning("upkeep is postponed: it takes longer than %g s", seconds)
    finally:
        await checks.close()
