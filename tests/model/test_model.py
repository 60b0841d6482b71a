"""The SQL does what the model of its documentation says, whatever happens in whatever order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis.stateful import run_state_machine_as_test

from tests.model.conftest import PROFILE
from tests.model.machine import Machine

if TYPE_CHECKING:
    from tests.model.world import World


def test_the_sql_is_its_model(world: World) -> None:
    """Every call is predicted, every row compared before and after, and everything finishes."""
    machine = type("Machine", (Machine,), {"world": world})
    run_state_machine_as_test(machine, settings=PROFILE)
