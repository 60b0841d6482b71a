"""The machine's database, and how long it looks: `make test` for a bounded time, `make model` for long."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from tests.model.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Steps are calls to a server on a busy machine: no step has a deadline, and no run is too slow.
COMMON = settings(
    deadline=None, suppress_health_check=list(HealthCheck), database=None, print_blob=True, stateful_step_count=30
)
# the same runs each time: a failure of `make test` is one of the change
settings.register_profile("model-short", COMMON, max_examples=40, derandomize=True)
settings.register_profile(
    "model-long", COMMON, max_examples=int(os.environ.get("MODEL_RUNS") or 4000), stateful_step_count=50
)

LONG = bool(os.environ.get("MODEL_RUNS"))
PROFILE = settings.get_profile("model-long" if LONG else "model-short")


@pytest.fixture
def world(dsn: str) -> Iterator[World]:
    """A database with our SQL as it ships, and an empty model."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute((Path(__file__).parent / "world.sql").read_bytes())
    world = World(dsn)
    yield world
    world.close()
