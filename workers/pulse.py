"""The event loop's pulse: a blocked loop is logged, since all timeouts and leases of the process continue."""

from __future__ import annotations

import asyncio
import logging
import time
from contextvars import Context

logger = logging.getLogger(__name__)

#: Seconds between two beats.
BEAT = 0.1

#: Seconds by which a beat may be late: timeouts and leases run on while the loop does not.
BLOCKED = 0.25


class Pulse:
    """Beats while at least one attempt is in progress, so that an idle worker does not wake up for it."""

    def __init__(self) -> None:
        self._attempts = 0
        self._beating: asyncio.TimerHandle | None = None
        self._due = 0.0

    def enter(self) -> None:
        """Begin an attempt."""
        self._attempts += 1
        if self._beating is None:
            self._beat()

    def leave(self) -> None:
        """End an attempt. What it has blocked itself is noticed now: after the last one no beat follows."""
        self._attempts -= 1
        self._check()
        if self._beating and not self._attempts:
            self._beating.cancel()
            self._beating = None

    def _beat(self) -> None:
        if self._beating:
            self._check()
        self._due = time.monotonic() + BEAT
        # without the ids of the delivery that happens to begin now
        self._beating = asyncio.get_running_loop().call_later(BEAT, self._beat, context=Context())

    def _check(self) -> None:
        now = time.monotonic()  # uvloop's own clock stands still while it is blocked
        if now - self._due > BLOCKED:
            logger.warning("the event loop was blocked for %d ms", (now - self._due) * 1000)
            self._due = now  # once
