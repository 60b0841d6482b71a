"""No broker: wake-up calls within one process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from supabase_webhooks.webhooks.queue.port import Broker

if TYPE_CHECKING:
    from collections.abc import Callable


class Local(Broker):
    """The broker of a process that delivers on its own. Until `bind`, calls do nothing."""

    service: ClassVar[str] = "this process"

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drain: Callable[[], object] = lambda: None

    def bind(self, drain: Callable[[], object]) -> None:
        """Have each wake-up call run `drain` on the running event loop."""
        self._drain = drain
        self._loop = asyncio.get_running_loop()

    @property
    def attended(self) -> bool:
        """Whether a worker is bound to it."""
        return self._loop is not None

    def announce(self, jobs: int) -> int:
        """Drain: one job claims until nothing is due."""
        if self._loop is None or not jobs:
            return 0
        self._loop.call_soon_threadsafe(self._drain)
        return 1

    def announce_later(self, milliseconds: int) -> None:
        """Drain after a delay."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._loop.call_later, milliseconds / 1000, self._drain)

    def take_turn(self, turn: str, *, owner: str, milliseconds: int) -> bool:  # noqa: ARG002 - there is no other process
        """Return True."""
        return True

    def ping(self) -> None:
        """Do nothing: there is no server to reach."""
