"""Progress: a line on the terminal for each step of long work, with the seconds since the start."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTED = time.monotonic()


def say(text: str) -> None:
    """Print a line."""
    print(f"{time.monotonic() - STARTED:6.0f} s  {text}", flush=True)


def rounds(scenario: str, count: int) -> Iterator[int]:
    """Count rounds from 0, and say each."""
    for number in range(count):
        say(f"({scenario}) round {number + 1} of {count}")
        yield number
