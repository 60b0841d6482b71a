"""The places of each endpoint in one process: what is in flight, what waits for a place, and what is claimed ahead.

A claim costs almost as much for 25 deliveries as for 250. So of an endpoint that responds quickly, and of which more is
due than it has places, a process claims as much as it delivers in half a second. The places stay as few.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from supabase_webhooks.webhooks.deliveries import Delivery
    from supabase_webhooks.webhooks.settings import Settings

#: Seconds of an endpoint's deliveries that are claimed at once.
AHEAD_SECONDS = 0.5

#: Seconds of a measurement at least: a clock may stand still for a moment.
SHORTEST = 0.001

#: Seconds after which a delivery that still waits for a place is given back: its endpoint has become slow.
PATIENCE = 1.0

#: The same as a share of a lease, of which an attempt takes up to a half.
PART_OF_LEASE = 1 / 4


class Waiting(NamedTuple):
    """A claimed delivery that waits for a place, with its trace, and until when."""

    delivery: Delivery
    traceparent: str | None
    until: float


@dataclass(slots=True)
class Line:
    """One endpoint's deliveries. `ended`: how many have, since `began`; `ahead`: how many more may be claimed."""

    began: float
    ended: int = 0
    under_way: int = 0
    ahead: int = 0
    limited: bool = False
    #: The last claim left some of them: a free place says so.
    crowded: bool = False
    waiting: deque[Waiting] = field(default_factory=deque)


class Places:
    """`clock` returns monotonic seconds. Without `ahead` nothing waits here: claims stay within the places."""

    def __init__(self, settings: Settings, clock: Callable[[], float], *, ahead: bool = True) -> None:
        self._each = settings.endpoint_concurrency
        # with the places a claim's size: one that it fills is not followed by another at once
        self._most = max(0, settings.batch_size - self._each) if ahead else 0
        # of all endpoints: the others need room in the process too
        self._most_of_all = settings.concurrency // 2
        self._patience = min(PATIENCE, settings.lease_seconds * PART_OF_LEASE)
        self._clock = clock
        self._lines: dict[str, Line] = {}
        #: How many wait for a place.
        self.waiting = 0

    @property
    def busy(self) -> bool:
        """Whether anything is in flight."""
        return any(line.under_way for line in self._lines.values())

    @property
    def crowded(self) -> bool:
        """Whether more is due of an endpoint than it has places."""
        return any(line.crowded for line in self._lines.values())

    @property
    def patience(self) -> float:
        """Seconds after which `overdue` names what still waits."""
        return self._patience

    def taken(self) -> dict[str, int]:
        """Return for a claim how many places each endpoint has taken, less what may be claimed ahead."""
        return {one: line.under_way + len(line.waiting) - line.ahead for one, line in self._lines.items()}

    def take(self, delivery: Delivery, traceparent: str | None = None) -> bool:
        """Take a place for a claimed delivery; False: it waits for one, which `leave` gives it."""
        line = self._lines.setdefault(delivery.endpoint.id, Line(began=self._clock()))
        line.limited = delivery.endpoint.limited
        if line.under_way < self._each:
            line.under_way += 1
            return True
        line.waiting.append(Waiting(delivery, traceparent, self._clock() + self._patience))
        self.waiting += 1
        return False

    def left_over(self, taken: Mapping[str, int], batch: Iterable[Delivery]) -> bool:
        """Return whether more may be claimed of endpoints of which a claim left some; else `makes_room` says when.

        `taken` is what the claim was given. Some of those places are free again.
        """
        places = Counter(taken)
        places.update(delivery.endpoint.id for delivery in batch)
        full = {one for one in places if places[one] >= self._each}
        for one in self._lines.keys() - full:
            # all that was due is here
            self._lines[one].ahead = 0
            self._forget_empty(one)
        lines = [self._lines[one] for one in full if one in self._lines]
        if len(lines) < len(full) or any([self._has_room(line) for line in lines]):  # noqa: C419 - each is measured
            return True
        for line in lines:
            line.crowded = True
        return False

    def leave(self, endpoint: str) -> Waiting | None:
        """Leave a place; return what takes it, if something waits."""
        line = self._lines[endpoint]
        line.ended += 1
        if line.waiting:
            self.waiting -= 1
            return line.waiting.popleft()
        line.under_way -= 1
        self._forget_empty(endpoint)
        return None

    def makes_room(self, endpoint: str) -> bool:
        """Return whether more of a crowded endpoint may be claimed now. It is no longer crowded then."""
        line = self._lines.get(endpoint)
        if line is None or not line.crowded or not self._has_room(line):
            return False
        line.crowded = False
        self._forget_empty(endpoint)
        return True

    def give_up(self, endpoint: str) -> list[Delivery]:
        """Return what waits for a place of an endpoint that fails, or asks to wait; nothing is claimed ahead of it."""
        line = self._lines[endpoint]
        line.ahead = 0
        given_up = [one.delivery for one in line.waiting]
        line.waiting.clear()
        self.waiting -= len(given_up)
        return given_up

    def overdue(self) -> list[Delivery]:
        """Return what has waited for too long, and all behind it."""
        now = self._clock()
        late = [one for one, line in self._lines.items() if line.waiting and line.waiting[0].until <= now]
        return [delivery for one in late for delivery in self.give_up(one)]

    def clear(self) -> list[Delivery]:
        """Return all that waits."""
        return [delivery for one in self._lines for delivery in self.give_up(one)]

    def _has_room(self, line: Line) -> bool:
        """Return whether a claim finds much; then measure how fast the endpoint is."""
        if line.waiting if line.ahead else line.under_way > self._each // 2:
            return False
        if line.ended >= self._each // 2:
            now = self._clock()
            expected = line.ended * AHEAD_SECONDS / max(now - line.began, SHORTEST)
            line.ahead = 0
            if not line.limited:
                others = sum(max(other.ahead, len(other.waiting)) for other in self._lines.values())
                line.ahead = max(0, min(self._most, self._most_of_all - others, round(expected) - self._each))
            line.began, line.ended = now, 0
        return True

    def _forget_empty(self, endpoint: str) -> None:
        line = self._lines[endpoint]
        if not (line.under_way or line.ahead or line.crowded):
            del self._lines[endpoint]
