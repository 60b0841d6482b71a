"""Retries in words: an endpoint's schedule, and what a delivery is waiting for."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from supabase_webhooks.webhooks.durations import ago, counted, long, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: name -> seconds to wait after each attempt. As webhooks.retry_preset in the database; a test keeps the two alike.
PRESETS: dict[str, tuple[int, ...]] = {
    "standard": (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400),
    "quick": (2, 4),
}


def plain(max_attempts: int) -> list[int]:
    """Return the waits of an endpoint without a schedule, as in webhooks.retry_wait: doubled, up to a minute."""
    return [min(60, 2**attempt) for attempt in range(1, max_attempts)]


def described(schedule: Sequence[int] | None, max_attempts: int) -> str:
    """Return a schedule in words: ten attempts over three days."""
    waits = plain(max_attempts) if schedule is None else schedule
    attempts = counted(len(waits) + 1, "attempt")
    if not waits:
        return f"{attempts}, no retry"
    return f"{attempts} over {long(sum(waits))}" if sum(waits) else f"{attempts} without a wait"


def waits(schedule: Sequence[int] | None, max_attempts: int) -> str:
    """Return the waits after each attempt, the first ten of them: 5 s, 5 min, 30 min."""
    all_of_them = plain(max_attempts) if schedule is None else schedule
    shown = [short(seconds) for seconds in islice(all_of_them, 10)]
    return ", ".join([*shown, "…"] if len(all_of_them) > len(shown) else shown)


def preset(schedule: Sequence[int] | None) -> str | None:
    """Return the name of a schedule, if it has one."""
    return next((name for name, waits in PRESETS.items() if schedule is not None and tuple(schedule) == waits), None)


def parse(text: str) -> str | list[int]:
    """Return what `retry_schedule` takes: a preset's name, or a list of seconds. Raise ValueError for other text."""
    if text.strip() in PRESETS:
        return text.strip()
    parts = re.split(r"\s*,\s*|\s+", text.strip().strip("[]").strip())
    if not all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts):
        raise ValueError(f"{text!r} is not a retry schedule; use {', '.join(PRESETS)}, or seconds such as 5, 300, 1800")
    return [int(part) for part in parts]


def waiting(waits_for: Mapping[str, Any] | None) -> str:
    """Return what a delivery waits for, and until when: next attempt in 2 h. Empty for one that does not wait."""
    if waits_for is None:
        return ""
    reason, until = waits_for["reason"], waits_for["until"]
    if until is None:
        # "a worker", or a sentence such as "the endpoint is paused"
        return f"waiting for {reason}" if reason.startswith("a ") else f"waiting: {reason}"
    if datetime.fromisoformat(until) <= datetime.now(UTC):
        return "due now"
    return f"next attempt {ago(until)}" if reason == "the next attempt" else f"next attempt {ago(until)}: {reason}"
