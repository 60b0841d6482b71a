"""A worker: everything that delivers in one process, on one event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.errors import QueueUnavailable, StoreError, VersionError
from supabase_webhooks.webhooks.queue import announce_later
from supabase_webhooks.workers.alerts import Watch
from supabase_webhooks.workers.drain import Drain
from supabase_webhooks.workers.rhythm import Rhythm
from supabase_webhooks.workers.sweep import Sweep
from supabase_webhooks.workers.upkeep import Upkeep
from supabase_webhooks.workers.urls import UrlChecks

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from supabase_webhooks.webhooks.queue import Broker
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.versions import CheckedStore
    from supabase_webhooks.workers.adapters.cache import AdapterCache
    from supabase_webhooks.workers.listener import Listener
    from supabase_webhooks.workers.telemetry import Telemetry

logger = logging.getLogger(__name__)

#: Seconds between two questions for the database's version while Supabase does not respond.
PATIENCE = 1


class Worker:
    """One worker process's parts: its drain, its sweep, its connections. All of it on one event loop."""

    def __init__(  # noqa: PLR0913 - the composition root names each
        self,
        store: CheckedStore,
        adapters: AdapterCache,
        broker: Broker,
        settings: Settings,
        *,
        name: str,
        telemetry: Telemetry,
    ) -> None:
        self._store = store
        self._adapters = adapters
        self._broker = broker
        self._telemetry = telemetry
        self._rhythm = Rhythm(time.monotonic)
        self._checks = UrlChecks(store, settings)
        self._drain = Drain(
            store, adapters, settings, worker=name, wake=self._wake, telemetry=telemetry, rhythm=self._rhythm,
            check_urls=self._checks.start,
        )  # fmt: skip
        self._sweep = Sweep(self._drain, broker, settings, worker=name, rhythm=self._rhythm)
        self._upkeep = Upkeep(store, broker, settings, worker=name)
        self._watch = Watch(store, broker, settings, worker=name, rhythm=self._rhythm)
        self._listener: Listener | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._finishing: asyncio.Task[None] | None = None

    @property
    def registry(self) -> CollectorRegistry:
        """The figures of this worker."""
        return self._telemetry.metrics.registry

    async def drain(self) -> None:
        """Claim until nothing is due: one wake-up call."""
        if begun := await self._drain.run():
            logger.info("%d attempts started", begun)

    def go_on(self) -> None:
        """Claim again, as a task of this process."""
        self._drain.go_on()

    def listen(self, listener: Callable[[Callable[[], None]], Listener]) -> None:
        """Wake this process by a listener, created with the callback that wakes it."""
        self._listener = self._rhythm.ear = listener(self._drain.hear)

    async def look(self, *, sweep: bool) -> None:
        """Look for due deliveries until cancelled: listen, and sweep and keep up."""
        looking = [self._fit()]
        if sweep:
            looking += [self._sweep.run(), self._upkeep.run(), self._watch.run()]
        if self._listener:
            looking.append(self._listener.run())
        await asyncio.gather(*looking)

    async def _fit(self) -> None:
        """End the process, and with it Dramatiq's others, if the database's SQL has an incompatible version.

        Nothing has been claimed then: the store checks before its first call.
        """
        while True:
            try:
                await self._store.fits()
            except VersionError as exc:
                logger.critical("%s", exc)
                os._exit(1)
            except StoreError:
                # the sweep logs it
                await asyncio.sleep(PATIENCE)
            else:
                return

    def stop(self) -> None:
        """Claim nothing more, and begin to finish: Dramatiq takes up to three seconds before it has us close."""
        if self._finishing is None:
            self._drain.stop()
            self._finishing = asyncio.create_task(self._drain.close())

    async def close(self) -> None:
        """Finish and record what is in flight, make the last wake-up calls, close all connections."""
        self.stop()
        if self._finishing:
            await self._finishing
        # again, for what was announced meanwhile
        await self._drain.close()
        await asyncio.gather(*self._calls)
        await self._checks.close()
        await self._adapters.close()
        await self._store.close()
        if self._telemetry.traces:
            await asyncio.to_thread(self._telemetry.traces.close)

    def _wake(self, seconds: float) -> None:
        call = asyncio.create_task(self._announce(seconds))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _announce(self, seconds: float) -> None:
        try:
            await asyncio.to_thread(announce_later, self._broker, seconds=max(0.0, seconds))
        except QueueUnavailable as exc:
            logger.warning("%s; this process goes on alone", exc)
            self._drain.go_on()
