"""The actor, and what a worker process does at its start and end."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from typing import TYPE_CHECKING

import dramatiq
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread, set_event_loop_thread
from dramatiq.middleware import AsyncIO

from webhooks.errors import QueueUnavailable, StoreError, VersionError
from webhooks.queue import DRAIN, QUEUE, announce_later
from workers.alerts import Watch
from workers.drain import Drain
from workers.metrics import serve
from workers.sweep import Sweep
from workers.upkeep import Upkeep
from workers.urls import UrlChecks

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from webhooks.queue import Broker
    from webhooks.settings import Settings
    from webhooks.versions import CheckedStore
    from workers.adapters.cache import AdapterCache
    from workers.listener import Listener
    from workers.telemetry import Telemetry

#: Seconds that a wake-up call is held. One that comes too early finds nothing; the sweep finds the row.
LONGEST_DELAY = 60

logger = logging.getLogger(__name__)

#: Seconds between two questions for the database's version while Supabase does not answer.
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
        self._drain = Drain(store, adapters, settings, worker=name, wake=self._wake, telemetry=telemetry)
        self._checks = UrlChecks(store, settings)
        self._sweep = Sweep(store, broker, settings, worker=name, check_urls=self._checks.start)
        self._upkeep = Upkeep(store, broker, settings, worker=name)
        self._watch = Watch(store, broker, settings, worker=name)
        self._listener: Listener | None = None
        self._calls: set[asyncio.Task[None]] = set()

    def declare(self) -> None:
        """Declare the drain actor on the broker."""

        async def drain() -> None:
            if begun := await self._drain.run():
                logger.info("%d attempts begun", begun)

        dramatiq.actor(actor_name=DRAIN, queue_name=QUEUE, broker=self._broker)(drain)

    def listen(self, listener: Callable[[Callable[[], None]], Listener]) -> None:
        """Have this process woken by a listener, which is given what wakes it."""
        self._listener = listener(self._drain.go_on)

    async def look(self, *, sweep: bool) -> None:
        """Look for due deliveries until cancelled: listen, and sweep and keep up."""
        looking = [self._fit()]
        if sweep:
            looking += [self._sweep.run(), self._upkeep.run(), self._watch.run()]
        if self._listener:
            looking.append(self._listener.run())
        await asyncio.gather(*looking)

    async def _fit(self) -> None:
        """End the process, and so Dramatiq's others, when the database's SQL is of no version that it works on.

        Nothing has been claimed then: the store asks before its first call.
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
        """Claim nothing more."""
        self._drain.stop()

    async def close(self) -> None:
        """Finish and record what is in flight, make the last wake-up calls, close all connections."""
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
            logger.warning("%s; the sweep or the cron will find the row", exc)


class Lifecycle(AsyncIO):
    """Starts the sweep with the process; on SIGTERM stops claims first, and closes connections last."""

    def __init__(self, *, metrics: bool = False) -> None:
        super().__init__()
        self._metrics = metrics
        self.worker: Worker | None = None
        self.sweep = True
        self._sweeping: Future[None] | None = None

    @property
    def forks(self) -> list[Callable[[], int]]:
        """What Dramatiq runs beside the workers, in a process of its own."""
        return [serve] if self._metrics else []

    def before_worker_boot(self, broker: object, worker: object) -> None:  # noqa: ARG002 - Dramatiq's interface
        """Start the event loop's thread, as Dramatiq does, but as one that keeps no process alive."""
        thread = EventLoopThread(self.logger)
        thread.daemon = True
        thread.start(timeout=1.0)
        set_event_loop_thread(thread)

    def after_worker_boot(self, broker: object, worker: object) -> None:  # noqa: ARG002 - Dramatiq's interface
        """Start to look for due deliveries."""
        thread = get_event_loop_thread()
        if self.worker and thread:
            self._sweeping = asyncio.run_coroutine_threadsafe(self.worker.look(sweep=self.sweep), thread.loop)

    def before_worker_shutdown(self, broker: object, worker: object) -> None:  # noqa: ARG002 - Dramatiq's interface
        """Stop claims and the sweep; Dramatiq then waits for the job in flight."""
        if self._sweeping:
            self._sweeping.cancel()
        self.stop_claims()

    def before_delay_message(self, broker: object, message: dramatiq.MessageProxy) -> None:  # noqa: ARG002 - as above
        """Wait a minute at most: a message of years away, from whoever can write there, would hold its place."""
        # Dramatiq says it in the thread of a queue; among the jobs nothing waits
        delayed = str(getattr(threading.current_thread(), "queue_name", "")).endswith(".DQ")
        latest = int((time.time() + (LONGEST_DELAY if delayed else 0)) * 1000)
        message.options["eta"] = min(message.options["eta"], latest)

    def stop_claims(self) -> None:
        """Have the loop claim nothing more; a signal says so a second before Dramatiq does."""
        thread = get_event_loop_thread()
        if self.worker and thread:
            thread.loop.call_soon_threadsafe(self.worker.stop)

    def after_worker_shutdown(self, broker: object, worker: object) -> None:
        """Close connections, then the loop."""
        thread = get_event_loop_thread()
        try:
            if self.worker and thread:
                asyncio.run_coroutine_threadsafe(self.worker.close(), thread.loop).result()
        finally:
            super().after_worker_shutdown(broker, worker)  # type: ignore[no-untyped-call]  # Dramatiq is typed in part
