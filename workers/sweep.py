"""The sweep: one worker at a time claims what was not announced, and wakes others if there is too much for one."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.errors import QueueUnavailable
from supabase_webhooks.webhooks.queue import ROWS_PER_JOB, announce, take_turn

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.queue import Broker
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.workers.drain import Drain
    from supabase_webhooks.workers.rhythm import Rhythm

logger = logging.getLogger(__name__)

#: Held by the worker whose turn it is, for one interval. Wiped with the broker, it is simply taken again.
TURN = "webhooks:sweep"

#: Due rows for which an overloaded process wakes others: two jobs, and each that is overloaded then wakes two more.
HELP = 2 * ROWS_PER_JOB


class Sweep:
    """Sweeps every `sweep_seconds`, or less often, as the rhythm says; errors are logged once until it works again."""

    def __init__(self, drain: Drain, broker: Broker, settings: Settings, *, worker: str, rhythm: Rhythm) -> None:
        self._drain = drain
        self._broker = broker
        self._settings = settings
        self._worker = worker
        self._rhythm = rhythm
        self._failing = False
        self._looked_at = -math.inf

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            # in small steps: the rhythm may change meanwhile
            await asyncio.sleep(self._settings.sweep_seconds)
            try:
                await self.once()
            except QueueUnavailable as exc:
                if not self._failing:
                    logger.warning("the sweep is delayed: %s", exc)
                self._failing = True
            except Exception:
                # it must continue, whatever this was
                logger.exception("the sweep failed")
            else:
                if self._failing:
                    logger.info("the sweep works again")
                self._failing = False

    async def once(self) -> None:
        """Claim, if it is time and this worker's turn; call others when this process has more than it can carry."""
        try:
            if not await self._turn():
                return
        except QueueUnavailable:
            # without the broker all look
            self._drain.go_on()
            raise
        self._drain.go_on()

    async def _turn(self) -> bool:
        """Call others if need be; return whether to claim."""
        if self._drain.behind:
            await asyncio.to_thread(announce, self._broker, due=HELP, max_jobs=self._settings.max_jobs)
        seconds = self._rhythm.seconds(self._settings.sweep_seconds)
        now = time.monotonic()
        # a tenth sooner: the steps do not fall on the second
        if now - self._looked_at < 0.9 * seconds:
            return False
        self._looked_at = now
        # who is told looks for itself; of the others one does, in case that it is stuck or has too much
        return self._rhythm.here or await asyncio.to_thread(
            take_turn, self._broker, TURN, owner=self._worker, milliseconds=max(1, int(seconds * 900))
        )
