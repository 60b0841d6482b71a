"""The pace: when a process may claim again, and whether it need be told of new deliveries until then."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between two claims: a call costs 2 ms of CPU whatever it finds. The first after a pause waits for nothing.
SECONDS = 0.01

#: The same while much is found.
BUSY_SECONDS = 0.02

#: Announcements between two claims, or deliveries in one, from which on there is much: notifying then costs more than
#: to claim again unasked.
MUCH = 4

#: Seconds by which a claim may be late that was promised: until then nobody is notified.
LATE = 0.01


class Pace:
    """Claims of one process, one after the other. `listening` tells whether it hears what is announced."""

    def __init__(self, listening: Callable[[], bool]) -> None:
        self._listening = listening
        self._heard = 0
        self._next = -math.inf
        self._busy = False

    def hear(self) -> None:
        """Note an announcement."""
        self._heard += 1

    async def wait(self) -> None:
        """Wait until another claim may be made."""
        seconds = self._next - asyncio.get_running_loop().time()
        if seconds > 0:
            await asyncio.sleep(seconds)

    def begin(self) -> float | None:
        """Begin a claim; return for how many seconds nobody need notify this process. None: it does not listen."""
        self._busy = self._listening() and (self._busy or self._heard >= MUCH)
        self._heard = 0
        self._next = asyncio.get_running_loop().time() + (BUSY_SECONDS if self._busy else SECONDS)
        if not self._listening():
            return None
        return BUSY_SECONDS + LATE if self._busy else 0.0

    def end(self, found: int, *, full: bool) -> float | None:
        """End a claim; return in how many seconds the next one was promised. After a full one it may follow at once."""
        promised = BUSY_SECONDS if self._busy else None
        self._busy = self._busy and found >= MUCH
        if full:
            self._next = -math.inf
        return promised
