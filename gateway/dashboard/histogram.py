"""The histogram over a list of deliveries: a bar for each bucket of time, which leads to its deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: Widths of a bucket, in seconds; the clock's, so that a bar begins at a round time.
WIDTHS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800, 2_592_000]

#: Bars at most.
MOST = 96

#: The statuses, from the ground up, and the size of the drawing.
KINDS = ("delivered", "failed", "pending")
WIDTH, HEIGHT = 960, 40

#: Marks under the bars.
MARKS = 5


@dataclass(frozen=True)
class Part:
    """A part of a bar, in the drawing's units."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """A bucket: where it is, what it leads to, and what it holds in words."""

    x: float
    width: float
    link: str
    title: str
    parts: list[Part]


@dataclass(frozen=True)
class Histogram:
    """The bars, the marks of the axis, and the sums. `more`: a bucket has more than is counted."""

    bars: list[Bar]
    marks: list[str]
    sums: dict[str, int]
    more: bool


def bucket_seconds(begin: datetime, end: datetime) -> int:
    """Return the width of a bucket for a range."""
    seconds = (end - begin).total_seconds()
    return next((width for width in WIDTHS if seconds / width <= MOST), WIDTHS[-1])


def histogram(counted: dict[str, Any], link: Callable[[str, str], str]) -> Histogram:
    """Return the drawing of what webhook_histogram() returned; `link` makes an address from two times."""
    width = counted["bucket_seconds"]
    columns = [counted[kind] for kind in KINDS]
    highest = max(max((sum(column[n] for column in columns) for n in range(len(counted["at"]))), default=0), 1)
    step = WIDTH / max(len(counted["at"]), 1)
    bars = []
    for n, at in enumerate(counted["at"]):
        begin = datetime.fromtimestamp(at, UTC)
        end = begin + timedelta(seconds=width)
        parts, y = [], float(HEIGHT)
        for kind, column in zip(KINDS, columns, strict=True):
            if column[n]:
                # one among thousands is seen, too
                height = max(column[n] / highest * (HEIGHT - 2), 1.5)
                y -= height
                parts.append(Part(kind, round(y, 2), round(height, 2)))
        counts = ", ".join(f"{column[n]:,} {kind}" for kind, column in zip(KINDS, columns, strict=True) if column[n])
        more = ", and more" if counted["more"][n] else ""
        title = f"{begin:%-d %b %H:%M:%S} to {end:%H:%M:%S} UTC: {counts or 'no deliveries'}{more}"
        last = end - timedelta(milliseconds=1)
        bars.append(Bar(round(n * step, 2), round(step, 2), link(_local(begin), _local(last)), title, parts))
    sums = {kind: sum(column) for kind, column in zip(KINDS, columns, strict=True)}
    return Histogram(bars, _marks(counted["at"], width), sums, any(counted["more"]))


def _marks(at: list[int], width: int) -> list[str]:
    if not at:
        return []
    whole = at[-1] + width - at[0]
    pattern = "%H:%M:%S" if whole <= 600 else "%H:%M" if whole <= 86_400 else "%-d %b %H:%M"  # noqa: PLR2004 - ten minutes, a day
    times = [at[0] + whole * n / (MARKS - 1) for n in range(MARKS)]
    return [f"{datetime.fromtimestamp(time, UTC):{pattern}}" for time in times]


def _local(at: datetime) -> str:
    """Return a time as a form's field has it: UTC, without an offset."""
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds" if at.microsecond else "seconds")
