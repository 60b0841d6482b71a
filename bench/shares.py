"""Shares: what was used, and that divided by deliveries, events or minutes.

Each total has the total without the REST server next to it: Supabase Lite sends thirteen statements around each call
where PostgREST sends four. All parts count, the receiver too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.figures import Figures

REST = "rest"


@dataclass(frozen=True, kw_only=True)
class Used:
    """What was used between `begun` and `ended` (time.monotonic): CPU seconds by part, and counts of all parts."""

    begun: float
    ended: float
    cpu: dict[str, float]
    #: Redis commands, committed transactions of the database, bytes of write-ahead log
    commands: int
    commits: int
    wal: int
    #: cores that each part's busiest process used, and the share of the machine's cores that anything used
    busiest: dict[str, float]
    machine: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ended - self.begun

    @property
    def cores(self) -> float:
        """The cores that all parts together used."""
        return sum(self.cpu.values()) / self.seconds


def per_thousand(used: Used, deliveries: int, seconds: float) -> Figures:
    """Return the rate, and what 1,000 deliveries took."""
    return {
        "deliveries/s": deliveries / seconds,
        **_cpu(used, "CPU s per 1,000", 1000 / deliveries),
        "WAL bytes per delivery": used.wal / deliveries,
        "Redis commands per 1,000": used.commands / deliveries * 1000,
    }


def per_delivery(used: Used, deliveries: int, events: int, calls: int) -> Figures:
    """Return what a delivery took, and an event; `calls` are those to REST besides the dispatch."""
    return {
        "deliveries/s": deliveries / used.seconds,
        **_cpu(used, "CPU ms per delivery", 1000 / deliveries),
        "REST calls per event, besides the dispatch": calls / events,
        "commits per event": used.commits / events,
        "WAL bytes per event": used.wal / events,
        "Redis commands per event": used.commands / events,
    }


def per_minute(used: Used, calls: int, sent: int, received: int) -> Figures:
    """Return what a minute took; bytes are those of the worker's connections to REST."""
    minutes = used.seconds / 60
    return {
        "REST calls per minute": calls / minutes,
        "kB to REST per minute": sent / 1000 / minutes,
        "kB from REST per minute": received / 1000 / minutes,
        **{f"{name} % of a core": seconds / used.seconds * 100 for name, seconds in used.cpu.items()},
        "total % of a core": used.cores * 100,
        "total without REST % of a core": (used.cores - used.cpu[REST] / used.seconds) * 100,
        "commits per minute": used.commits / minutes,
        "WAL kB per minute": used.wal / 1000 / minutes,
        "Redis commands per minute": used.commands / minutes,
    }


def _cpu(used: Used, unit: str, factor: float) -> Figures:
    total = sum(used.cpu.values())
    return {
        **{f"{name} {unit}": seconds * factor for name, seconds in used.cpu.items()},
        f"total {unit}": total * factor,
        f"total without REST {unit}": (total - used.cpu[REST]) * factor,
    }
