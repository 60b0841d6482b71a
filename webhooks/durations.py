"""Durations in words, for people: 5 min, in 2 h, three days."""

from __future__ import annotations

import re
from datetime import UTC, datetime

#: Seconds below which a unit is used, its size in seconds, and its symbol.
UNITS = [(60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"), (float("inf"), 86_400, "d")]

#: Names of units, the largest first, with their size in seconds.
NAMES = {"day": 86_400, "hour": 3600, "minute": 60, "second": 1}

#: A duration uses the largest unit in which rounding changes it by at most a tenth.
ROUNDING = 0.1

#: Numbers that are written as words (up to ten, as style guides recommend).
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

#: What Postgres prints for an interval without months or years: "3 days 12:00:00".
_INTERVAL = re.compile(r"(?:(\d+) days?)? ?(?:(\d+):(\d\d):(\d\d)(?:\.\d+)?)?")


def short(seconds: float) -> str:
    """Return a duration in one unit: 5 s, 30 min, 2 h, 3 d."""
    size, name = next((size, name) for limit, size, name in UNITS if seconds < limit)
    return f"{round(seconds / size)} {name}"


def ago(text: str | None) -> str:
    """Return how long ago, or how soon, a time is: 5 min ago, in 3 s."""
    if not text:
        return "never"
    seconds = (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()
    return f"{short(seconds)} ago" if seconds >= 0 else f"in {short(-seconds)}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: one attempt, ten attempts, 12 attempts."""
    word = WORDS[count] if count < len(WORDS) else f"{count:,}"
    return f"{word} {noun}{'' if count == 1 else 's'}"


def long(seconds: float) -> str:
    """Return a duration in words, rounded to one unit: six seconds, 90 minutes, three days."""
    sizes = ((round(seconds / size), name, size) for name, size in NAMES.items())
    fitting = (counted(n, name) for n, name, size in sizes if n and abs(n * size - seconds) <= ROUNDING * seconds)
    return next(fitting, counted(round(seconds), "second"))


def seconds(text: str) -> int | None:
    """Return the seconds of an interval of Postgres, or None for one with months, years or a sign."""
    match = _INTERVAL.fullmatch(text)
    sizes = NAMES.values()
    return sum(int(part or 0) * size for part, size in zip(match.groups(), sizes, strict=True)) if match else None


def interval(text: str) -> str:
    """Return an interval of Postgres in words: "3 days 12:00:00" is 3 days 12 hours. Postgres reads that, too."""
    match = _INTERVAL.fullmatch(text)
    if not match:
        return text
    parts = zip((int(part or 0) for part in match.groups()), NAMES, strict=True)
    return " ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in parts if count)
