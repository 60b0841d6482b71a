"""The pace: when a process may claim again, and whether it must be notified of new deliveries until then."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between two claims: a call costs 2 ms of CPU whatever it finds. The first after a pause waits for nothing.
SECONDS = 0.01

#: The same, and after how many deliveries in one claim.
FULLER_SECONDS, FULLER = 0.02, 20

#: Announcements between two claims, or deliveries in one, from which on it is promised that another claim follows.
#: Notifying then costs more than an unnecessary claim: commits that notify wait for one another.
MUCH = 2

#: Seconds without notifications after a promise. The next claim ends it, unless the process has died.
QUIET_SECONDS = 1.0


class Pace:
    """Claims of one process, one after the other. `listening` says whether it receives announcements.

    `promised` tells whether the last one that began is to be followed by another, whatever is announced.
    """

    def __init__(self, listening: Callable[[], bool]) -> None:
        self._listening = listening
        self._heard = 0
        self._found = 0
        self.promised = False
        self._next = -math.inf

    def hear(self) -> None:
        """Note an announcement."""
        self._heard += 1

    async def wait(self) -> None:
        """Wait until another claim may be made."""
        seconds = self._next - asyncio.get_running_loop().time()
        if seconds > 0:
            await asyncio.sleep(seconds)

    def skip(self) -> None:
        """Let the next claim be made at once: it is known to find much."""
        self._next = -math.inf

    def begin(self) -> float | None:
        """Begin a claim; return for how many seconds this process need not be notified. None: it does not listen."""
        self.promised = self._listening() and (self._heard >= MUCH or self._found >= MUCH)
        self._heard = 0
        if not self._listening():
            return None
        return QUIET_SECONDS if self.promised else 0.0

    def end(self, found: int, *, full: bool) -> float | None:
        """End a claim; return in how many seconds the next one was promised."""
        self._found = found if self.promised else 0
        seconds = FULLER_SECONDS if found >= FULLER else SECONDS
        self._next = asyncio.get_running_loop().time() + seconds
        if full:
            self.skip()
        return seconds if self.promised else None
