"""How often a process looks by itself."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from supabase_webhooks.workers.rhythm import Rhythm


@dataclass
class Ear:
    """What a listener knows."""

    here: bool = False
    elsewhere: bool = False


@pytest.mark.parametrize(
    ("ear", "idle_for", "usual", "seconds"),
    [
        (None, 0, 1, 1),
        (None, 59, 1, 1),
        (None, 61, 1, 5),
        (None, 61, 10, 10),
        (Ear(), 0, 1, 1),
        (Ear(), 61, 1, 5),
        (Ear(here=True), 0, 1, 30),
        (Ear(here=True), 61, 1, 30),
        (Ear(elsewhere=True), 0, 1, 30),
        (Ear(here=True), 0, 40, 40),
    ],
)
def test_seconds_between_two_looks(ear: Ear | None, idle_for: float, usual: float, seconds: float) -> None:
    """Half a minute where new deliveries are announced; else one second, and five after a quiet minute."""
    now = 1000.0
    rhythm = Rhythm(lambda: now)
    rhythm.ear = ear
    rhythm.found()
    now += idle_for
    assert rhythm.seconds(usual) == seconds


def test_a_delivery_ends_the_quiet() -> None:
    """The usual rhythm is back with the first one."""
    now = 1000.0
    rhythm = Rhythm(lambda: now)
    assert rhythm.seconds(1) == 1, "a start does not count as silence"
    now += 61
    assert rhythm.seconds(1) == 5
    rhythm.found()
    assert rhythm.seconds(1) == 1


def test_failures_are_remembered_for_a_while() -> None:
    """As long as there may be something new to alert about."""
    now = 1000.0
    rhythm = Rhythm(lambda: now)
    assert not rhythm.failing(6)
    rhythm.failed()
    now += 5
    assert rhythm.failing(6)
    now += 2
    assert not rhythm.failing(6)
