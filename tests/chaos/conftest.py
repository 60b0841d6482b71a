"""How much chaos: a short form in `make test`, all of it in `make chaos`, which also writes a report."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FULL = bool(os.environ.get("CHAOS_FULL"))

Report = list[dict[str, Any]]


@pytest.fixture(scope="session")
def report(directory: Path) -> Iterator[Report]:
    """What a run did and found, a row a fault; written to chaos.json."""
    rows: Report = []
    yield rows
    (directory / "chaos.json").write_text(json.dumps(rows, indent=2) + "\n")
