"""When a figure is good, a warning, or bad: the seed's green, yellow and red, as a table."""

from __future__ import annotations

from dataclasses import dataclass

#: For each figure: good up to the first bound, a warning up to the second, bad beyond. The drawing of the seed has 3 %
#: failed yellow, and 450 ms and 1,200 ms green.
AT_MOST = {
    "failed_percent": (0, 10),
    "due": (100, 1000),
    "open": (0, 0),
    "half_open": (0, 1_000_000),
    "p95_ms": (1000, 5000),
    "max_ms": (5000, 15_000),
}

#: Good down to the first bound, a warning down to the second. Of success at least what failure leaves.
AT_LEAST = {"delivered_percent": (90, 50), "dispatcher_uptime_percent": (99, 95)}

WORDS = {"good": "good", "warning": "warning", "bad": "bad", "none": "no data"}


@dataclass(frozen=True)
class Figure:
    """One line of a card. `percent` is of the card's total; `level` is a key of WORDS."""

    name: str
    value: float | None
    level: str
    unit: str = ""
    percent: int | None = None
    link: str | None = None


def level(figure: str, value: float | None) -> str:
    """Return the level of a figure's value."""
    if value is None:
        return "none"
    if figure in AT_MOST:
        good, warning = AT_MOST[figure]
        return "good" if value <= good else "warning" if value <= warning else "bad"
    good, warning = AT_LEAST[figure]
    return "good" if value >= good else "warning" if value >= warning else "bad"


def percent(part: int, total: int) -> int | None:
    """Return a share in whole percent; None of nothing."""
    return round(100 * part / total) if total else None
