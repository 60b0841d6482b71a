"""The workers' part in alerts: one of them checks at a time."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.alerts import Alerts
from supabase_webhooks.webhooks.errors import QueueUnavailable, StoreError
from supabase_webhooks.webhooks.queue import take_turn

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.queue import Broker
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.store import Store
    from supabase_webhooks.workers.rhythm import Rhythm

logger = logging.getLogger(__name__)

#: Held by the worker whose turn it is, for one interval.
TURN = "webhooks:alerts"


#: Seconds after a failed attempt during which there may be new alerts.
FAILING = 5.0


class Watch:
    """Checks every `alert_seconds`, or less often, as the rhythm says, while nothing fails.

    Errors are logged once until it works again.
    """

    def __init__(self, store: Store, broker: Broker, settings: Settings, *, worker: str, rhythm: Rhythm) -> None:
        self._alerts = Alerts(store, settings)
        self._broker = broker
        self._seconds = settings.alert_seconds
        self._worker = worker
        self._rhythm = rhythm
        self._failing = False
        self._looked_at = -math.inf

    async def run(self) -> None:
        """Check until cancelled; return immediately if alerts are off."""
        while self._seconds:
            await asyncio.sleep(self._seconds)
            seconds = self._seconds
            if not self._rhythm.failing(FAILING + self._seconds):
                seconds = self._rhythm.seconds(self._seconds)
            if time.monotonic() - self._looked_at < 0.9 * seconds:
                continue
            self._looked_at = time.monotonic()
            try:
                await self.once(seconds)
            except StoreError as exc:
                if not self._failing:
                    logger.warning("alerts are delayed: %s", exc)
                self._failing = True
            else:
                self._failing = False

    async def once(self, seconds: float) -> int:
        """Check, if it is this worker's turn for the next `seconds`; return how many notices were sent."""
        milliseconds = max(1, int(seconds * 900))
        try:
            turn = await asyncio.to_thread(take_turn, self._broker, TURN, owner=self._worker, milliseconds=milliseconds)
        except QueueUnavailable:
            # without the broker, all check: the database admits one at a time, and a notice is sent once
            turn = True
        return await self._alerts.once() if turn else 0
