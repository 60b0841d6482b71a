"""A delivery's attempts over time: a bar for each, and the wait before it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from supabase_webhooks.webhooks.durations import short

#: Percent of the width that an attempt has at least, so that one of milliseconds is seen among waits of hours.
LEAST = 0.8

#: Seconds from which the axis is not linear: with waits of seconds and of hours, a linear one would show only the last.
LONG = 300

#: Seconds between marks of the axis, and how many marks there are at most.
STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300]
MARKS = 5


@dataclass(frozen=True)
class Bar:
    """One attempt, or the wait for the next one. Places and widths are percents of the lane."""

    number: int
    kind: str
    waited: str
    took: str
    status: str
    wait_x: float
    wait_width: float
    x: float
    width: float


@dataclass(frozen=True)
class Waterfall:
    """All attempts; `marks` are the axis: a place in percent and its text."""

    bars: list[Bar]
    marks: list[tuple[float, str]]
    total: str


def waterfall(delivery: dict[str, Any], now: datetime | None = None) -> Waterfall:
    """Return the attempts of a delivery, as get_webhook_delivery returns it."""
    now = now or datetime.now(UTC)
    created = _at(delivery["created_at"])
    spans = []
    for attempt in delivery["attempt_log"]:
        begins = (_at(attempt["started_at"]) - created).total_seconds()
        spans.append((max(begins, 0.0), attempt["duration_ms"] / 1000, attempt))
    ends = max([begins + took for begins, took, _ in spans], default=0.0)
    pending = delivery["status"] == "pending"
    until = (_at(delivery["next_attempt_at"]) - created).total_seconds() if pending else 0.0
    waits_until = max(until, (now - created).total_seconds(), ends) if pending else ends
    total = max(waits_until, 0.001)

    def place(seconds: float) -> float:
        share = min(max(seconds / total, 0.0), 1.0)
        return 100 * (math.sqrt(share) if total > LONG else share)

    bars, before = [], 0.0
    for begins, took, attempt in spans:
        x, right = place(begins), place(begins + took)
        width = max(right - x, LEAST)
        x = min(x, 100 - width)
        status = str(attempt["response_status"] or ("ok" if attempt["delivered"] else "error"))
        bars.append(Bar(
            attempt["number"], "delivered" if attempt["delivered"] else "failed", seconds_text(begins - before),
            seconds_text(took), status, place(before), max(x - place(before), 0.0), x, width,
        ))  # fmt: skip
        before = begins + took
    if pending:
        x = place(before)
        bars.append(Bar(
            len(spans) + 1, "pending", seconds_text(waits_until - before), "", "next", x, 100 - x, 100.0, 0.0,
        ))  # fmt: skip
    return Waterfall(bars, _marks(total, place), seconds_text(total))


def _marks(total: float, place: Any) -> list[tuple[float, str]]:  # noqa: ANN401 - a function
    if total > LONG:
        shares = [0, 0.0625, 0.25, 0.5625]
        return [(place(share * total), seconds_text(share * total)) for share in shares]
    step = next((step for step in STEPS if total / step <= MARKS), STEPS[-1])
    count = int(total / step + 1e-9)
    # the last one would run into the next column
    return [(place(n * step), seconds_text(n * step)) for n in range(count + 1) if n * step <= total * 0.92]


def seconds_text(seconds: float) -> str:
    """Return a duration: 0 s, 853 ms, 7.8 s, 5 min."""
    if seconds <= 0:
        return "0 s"
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    return f"{seconds:.3g} s" if seconds < 60 else short(seconds)  # noqa: PLR2004 - a minute


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
