"""The event loop of the workers, for clients that are measured beside them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine


def run(main: Coroutine[object, object, None]) -> None:
    """Run a program."""
    asyncio.run(main)
