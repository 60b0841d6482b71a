"""The rhythm: how often a process looks for deliveries, depending on notifications and on what it has found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between two looks of a process that is notified of new deliveries, to find missed ones.
TOLD_SECONDS = 30.0

#: Seconds without a delivery after which a process that is not told looks less often, and how often then.
QUIET_AFTER, QUIET_SECONDS = 60.0, 5.0


class Ear(Protocol):
    """Receives notifications of new deliveries."""

    @property
    def here(self) -> bool:
        """Whether this process does."""

    @property
    def elsewhere(self) -> bool:
        """Whether another worker does."""


class Rhythm:
    """`clock` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # a start does not count as silence
        self._found_at = clock()
        self._failed_at = -math.inf
        self.ear: Ear | None = None

    @property
    def here(self) -> bool:
        """Whether this process is notified."""
        return self.ear is not None and self.ear.here

    @property
    def elsewhere(self) -> bool:
        """Whether another process is notified, which looks for this one too."""
        return self.ear is not None and self.ear.elsewhere

    def found(self) -> None:
        """Note that there was a delivery."""
        self._found_at = self._clock()

    def failed(self) -> None:
        """Note that an attempt failed."""
        self._failed_at = self._clock()

    def failing(self, seconds: float) -> bool:
        """Return whether an attempt failed within the last `seconds`."""
        return self._clock() - self._failed_at <= seconds

    def seconds(self, usual: float) -> float:
        """Return how long to wait between two looks, given their usual interval."""
        if self.here or self.elsewhere:
            return max(usual, TOLD_SECONDS)
        if self._clock() - self._found_at < QUIET_AFTER:
            return usual
        return max(usual, QUIET_SECONDS)
