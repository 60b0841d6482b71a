"""The SQL does what the model of its documentation says, whatever happens in whatever order."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from hypothesis.stateful import run_state_machine_as_test

from tests.model.conftest import LONG, PROFILE
from tests.model.machine import Machine

if TYPE_CHECKING:
    from tests.model.world import World

#: Seconds between two lines of a long run's progress.
SILENCE = 10


def test_the_sql_is_its_model(world: World) -> None:
    """Every call is predicted, every row compared before and after, and everything finishes."""
    began, said = time.monotonic(), time.monotonic()
    runs = steps = 0

    class Counted(Machine):
        def teardown(self) -> None:
            super().teardown()
            nonlocal runs, steps, said
            runs, steps = runs + 1, steps + len(world.history)
            if LONG and time.monotonic() - said > SILENCE:
                said = time.monotonic()
                sys.stdout.write(f"{runs} of {PROFILE.max_examples} runs, {steps} calls, {said - began:.0f} s\n")
                sys.stdout.flush()

    Counted.world = world
    run_state_machine_as_test(Counted, settings=PROFILE)
    assert steps > 10 * runs > 0
