"""A worker in the background of the gateway's process: `webhooks serve`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from supabase_webhooks.workers.wiring import allow_many_files, collect_seldom, make_worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supabase_webhooks.webhooks.queue import Local
    from supabase_webhooks.webhooks.settings import Settings

logger = logging.getLogger(__name__)


class Background:
    """A worker on the event loop that is running at `start`, woken by the process's own broker."""

    def __init__(self, settings: Settings, broker: Local, environment: Mapping[str, str]) -> None:
        allow_many_files()
        self._worker = make_worker(settings, broker, environment)
        self.registry = self._worker.registry
        self._broker = broker
        self._sweep = settings.sweep_seconds > 0
        self._looking: asyncio.Task[None] | None = None
        collect_seldom()

    def start(self) -> None:
        """Start delivering."""
        self._broker.bind(self._worker.go_on)
        self._looking = asyncio.create_task(self._worker.look(sweep=self._sweep))
        logger.info("delivering")

    def stop(self) -> None:
        """Stop claiming; the grace period begins."""
        if self._looking:
            self._looking.cancel()
        self._worker.stop()

    async def close(self) -> None:
        """Finish and record deliveries in flight; release those that take longer than the grace period."""
        self.stop()
        if self._looking:
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._worker.close()
