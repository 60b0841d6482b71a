"""A day of deliveries, second by second: what arrives, waits, is attempted, fails and is retried.

Deliveries flow as quantities, not one by one; nothing is drawn by chance, so that two runs are equal.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.assumptions import Assumptions

DAY = 86_400

#: Less than this is a rounding error, not a delivery.
NOTHING = 1e-9


@dataclass
class Cohort:
    """Deliveries of one second that stand alike: how many, when they were dispatched, attempts made."""

    count: float
    born: int
    attempts: int = 0


@dataclass
class Line:
    """The deliveries of endpoints that behave alike."""

    share: float
    endpoints: int
    refusal: float = 0.0
    waiting: deque[Cohort] = field(default_factory=deque)
    #: How many wait and are due; and how many are neither delivered nor failed.
    due: float = 0.0
    unfinished: float = 0.0
    #: By the second that they are due again in: after a failed attempt, and after a lease that ran out.
    later: dict[int, list[Cohort]] = field(default_factory=lambda: defaultdict(list))
    leased: dict[int, list[Cohort]] = field(default_factory=lambda: defaultdict(list))
    delivered: float = 0.0
    failed: float = 0.0
    attempts: float = 0.0
    #: Seconds from the dispatch to the attempt that delivered: how many deliveries.
    waits: dict[int, float] = field(default_factory=lambda: defaultdict(float))

    def arrive(self, now: int, count: float) -> None:
        """Let wait what is dispatched now and what is due again, the oldest due first."""
        self.put_back(self.leased.pop(now, []))
        # a retry is due from now on; what a lease held has been for long
        new = [*self.later.pop(now, []), *([Cohort(count, now)] if count else [])]
        self.waiting.extend(new)
        self.due += sum(cohort.count for cohort in new)
        self.unfinished += count

    def put_back(self, cohorts: list[Cohort]) -> None:
        """Let wait again what was taken, before all others."""
        self.waiting.extendleft(reversed(cohorts))
        self.due += sum(cohort.count for cohort in cohorts)

    def take(self, most: float) -> list[Cohort]:
        """Take the oldest, this many at most."""
        taken = []
        while most > NOTHING and self.waiting:
            first = self.waiting[0]
            count = first.count if first.count - most < NOTHING else most
            taken.append(Cohort(count, first.born, first.attempts))
            first.count -= count
            most -= count
            self.due -= count
            if first.count <= 0:
                self.waiting.popleft()
        return taken


def curve(peak_factor: float, peak_at: float) -> list[float]:
    """Return each second's load as a multiple of the average: e to the k times a cosine, once a day."""
    low, high = 0.0, 50.0
    cosines = [math.cos(2 * math.pi * (t - peak_at) / DAY) for t in range(DAY)]
    coarse = cosines[::60]
    for _ in range(50):
        k = (low + high) / 2
        mean = sum(math.exp(k * (c - 1)) for c in coarse) / len(coarse)
        low, high = (k, high) if 1 / mean < peak_factor else (low, k)
    loads = [math.exp(low * (c - 1)) for c in cosines]
    mean = sum(loads) / DAY
    return [load / mean for load in loads]


class Day:
    """A day. `rate`: attempts a second of all workers; `workers`: their processes."""

    def __init__(self, assumptions: Assumptions, *, rate: float, workers: int, seconds: int = DAY) -> None:
        a = self._a = assumptions
        self._rate = rate
        self._workers = workers
        self.biggest = Line(a.biggest_share, 1)
        refusing = Line(a.refusing_share, max(1, round(a.endpoints * a.refusing_share)), a.refusing_probability)
        others = Line(1 - a.biggest_share - a.refusing_share, max(1, a.endpoints - 1 - refusing.endpoints))
        self.lines = {"the biggest endpoint": self.biggest, "endpoints that reject": refusing, "the others": others}
        self.dispatched = 0.0
        self.backlog: list[float] = []
        #: While the biggest endpoint's circuit is open: when a probe may go.
        self._probe_at: float | None = None
        loads = curve(a.peak_factor, a.peak_at)
        for second in range(seconds):
            self._step(second, loads[second % DAY] * a.deliveries_per_day / DAY)

    def _step(self, now: int, arriving: float) -> None:
        a = self._a
        self.dispatched += arriving
        for line in self.lines.values():
            line.arrive(now, arriving * line.share)
        down = a.crash_at < now <= a.crash_at + a.restart_seconds
        capacity = self._rate * ((self._workers - 1) / self._workers if down else 1)
        for line, room in self._shares(now, capacity):
            taken = line.take(room)
            if now == a.crash_at:
                taken = self._lose(line, taken, now)
            self._attempt(line, taken, now)
        self.backlog.append(sum(line.unfinished for line in self.lines.values()))

    def _shares(self, now: int, capacity: float) -> list[tuple[Line, float]]:
        """Return each line's part of the capacity: equal for each endpoint, and what some leave goes to the rest."""
        wanted = {name: line.due for name, line in self.lines.items()}
        most = self._workers * self._a.endpoint_concurrency / self._a.receiver_seconds
        wanted["the biggest endpoint"] = min(wanted["the biggest endpoint"], most)
        if self._probe_at is not None:
            wanted["the biggest endpoint"] = min(1.0, self.biggest.due) if now >= self._probe_at else 0.0
        given = dict.fromkeys(wanted, 0.0)
        open_lines = {name for name, count in wanted.items() if count > 0}
        while capacity > NOTHING and open_lines:
            share = capacity / sum(self.lines[name].endpoints for name in open_lines)
            for name in sorted(open_lines):
                more = min(share * self.lines[name].endpoints, wanted[name] - given[name])
                given[name] += more
                capacity -= more
            open_lines = {name for name in open_lines if wanted[name] - given[name] > NOTHING}
        return [(self.lines[name], room) for name, room in given.items()]

    def _lose(self, line: Line, taken: list[Cohort], now: int) -> list[Cohort]:
        """Keep what the killed worker had in hand until its leases run out; return the rest."""
        total = self._rate / self._workers
        held = min(1.0, (self._a.concurrency + self._a.batch_size) / max(total, 1)) / self._workers
        back = now + int(self._a.lease_seconds)
        line.leased[back] += [Cohort(c.count * held, c.born, c.attempts) for c in taken]
        return [Cohort(c.count * (1 - held), c.born, c.attempts) for c in taken]

    def _attempt(self, line: Line, taken: list[Cohort], now: int) -> None:
        a = self._a
        refusal = line.refusal
        if line is self.biggest and taken:
            away = a.outage_at <= now < a.outage_at + a.outage_seconds
            if away and self._probe_at is None:
                # what was in flight fails; workers' own breakers give the rest back at once
                line.put_back(taken)
                taken = line.take(self._workers * a.endpoint_concurrency)
            refusal = 1.0 if away else 0.0
            self._probe_at = now + a.circuit_reset_seconds if away else None
        for cohort in taken:
            line.attempts += cohort.count
            refused = cohort.count * refusal
            if done := cohort.count - refused:
                line.delivered += done
                line.waits[now - cohort.born] += done
            if cohort.attempts + 1 >= a.max_attempts:
                line.failed += refused
                done += refused
            elif refused:
                again = Cohort(refused, cohort.born, cohort.attempts + 1)
                line.later[now + min(60, 2**again.attempts)].append(again)
            line.unfinished -= done


def percentile(waits: Mapping[int, float], share: float) -> float:
    """Return the seconds within which a share of deliveries arrived."""
    left = share * sum(waits.values())
    for seconds in sorted(waits):
        left -= waits[seconds]
        if left <= NOTHING:
            return seconds
    return max(waits, default=0)
