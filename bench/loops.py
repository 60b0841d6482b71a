"""The event loop of the workers, for clients that are measured alongside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvloop

if TYPE_CHECKING:
    from collections.abc import Coroutine


def run(main: Coroutine[object, object, None]) -> None:
    """Run a program."""
    uvloop.run(main)
