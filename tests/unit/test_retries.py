"""Schedules, durations and waits in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supabase_webhooks.webhooks import durations, retries

#: What the database accepts (webhooks.apply_endpoint_changes).
schedules = st.lists(st.integers(0, 604_800), max_size=19)


@pytest.mark.parametrize(
    ("schedule", "max_attempts", "words"),
    [
        (retries.PRESETS["standard"], 3, "ten attempts over three days"),
        (retries.PRESETS["quick"], 3, "three attempts over six seconds"),
        (None, 3, "three attempts over six seconds"),
        (None, 1, "one attempt, no retry"),
        (None, 10, "ten attempts over five minutes"),
        (None, 20, "20 attempts over 15 minutes"),
        ([], 3, "one attempt, no retry"),
        ([0, 0], 3, "three attempts without a wait"),
        ([1], 3, "two attempts over one second"),
        ([60], 3, "two attempts over one minute"),
        ([7200], 3, "two attempts over two hours"),
        ([86_400], 3, "two attempts over one day"),
        ([5, 300, 1800], 3, "four attempts over 35 minutes"),
        ([604_800] * 19, 3, "20 attempts over 133 days"),
    ],
)
def test_a_schedule_in_words(schedule: list[int] | None, max_attempts: int, words: str) -> None:
    """Says how many attempts there are, and over how long a time."""
    assert retries.described(schedule, max_attempts) == words


@given(schedule=schedules)
def test_any_schedule_in_words(schedule: list[int]) -> None:
    """The count is right, and the time within a tenth."""
    words = retries.described(schedule, 3)
    numbers = {word: number for number, word in enumerate(durations.WORDS)}

    def number(text: str) -> int:
        return numbers[text] if text in numbers else int(text.replace(",", ""))

    assert number(words.split()[0]) == len(schedule) + 1
    if sum(schedule):
        match = re.search(r"over ([\w,]+) (\w+?)s?$", words)
        assert match
        assert number(match[1]) * durations.NAMES[match[2]] == pytest.approx(
            sum(schedule), rel=durations.ROUNDING, abs=0.5
        )


@given(schedule=schedules.filter(bool), comma=st.sampled_from([",", ", ", " ", "\n"]))
def test_a_schedule_is_read_as_it_is_written(schedule: list[int], comma: str) -> None:
    """With commas, blanks or lines; in brackets too."""
    text = comma.join(map(str, schedule))
    assert retries.parse(text) == retries.parse(f"[{text}]") == schedule


@pytest.mark.parametrize("text", ["", "fast", "5,", "5,,6", "-5", "1.5", "5 min", "[", "٣", "1e3"])
def test_what_is_no_schedule(text: str) -> None:
    """Is rejected with an error that shows a right one."""
    with pytest.raises(ValueError, match="such as 5, 300, 1800"):
        retries.parse(text)


def test_presets_have_names() -> None:
    """And a list of seconds that is none has not."""
    assert [retries.preset(list(waits)) for waits in retries.PRESETS.values()] == list(retries.PRESETS)
    assert retries.preset([2, 5]) is None
    assert retries.preset(None) is None
    assert retries.waits(retries.PRESETS["standard"], 3) == "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 1 d"


@pytest.mark.parametrize(
    ("waits_for", "words"),
    [
        (None, ""),
        ({"reason": "the next attempt", "until": timedelta(hours=2)}, "next attempt in 2 h"),
        ({"reason": "it is failing", "until": timedelta(minutes=4)}, "next attempt in 4 min: it is failing"),
        ({"reason": "the endpoint is paused", "until": None}, "waiting: the endpoint is paused"),
        ({"reason": "a worker", "until": None}, "waiting for a worker"),
        ({"reason": "the next attempt", "until": timedelta(hours=-1)}, "due now"),
    ],
)  # fmt: skip
def test_what_a_delivery_waits_for(waits_for: dict[str, Any] | None, words: str) -> None:
    """The next attempt is in the future, never some time ago."""
    if waits_for and waits_for["until"]:
        # a little later, so that what is to be rounded does not fall below
        until = datetime.now(UTC) + waits_for["until"] + timedelta(milliseconds=200)
        waits_for = {**waits_for, "until": until.isoformat()}
    assert retries.waiting(waits_for) == words


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ("3 days", "3 days"), ("1 day", "1 day"), ("12:00:00", "12 hours"), ("01:30:00", "1 hour 30 minutes"),
        ("3 days 12:00:00", "3 days 12 hours"), ("00:00:05.5", "5 seconds"), ("100:00:00", "100 hours"),
        ("1 mon", "1 mon"), ("1 year 2 mons", "1 year 2 mons"),
    ],
)  # fmt: skip
def test_an_interval_in_words(interval: str, words: str) -> None:
    """As Postgres prints it, and in words that it reads again."""
    assert durations.interval(interval) == words
