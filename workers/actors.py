"""The actor, and what a worker process does at its start and end."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import dramatiq
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread, set_event_loop_thread
from dramatiq.middleware import AsyncIO

from supabase_webhooks.webhooks.queue import DRAIN, QUEUE
from supabase_webhooks.workers.metrics import serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from supabase_webhooks.webhooks.queue import SharedBroker
    from supabase_webhooks.workers.worker import Worker

#: Maximum seconds that a wake-up call is held. One that comes too early finds nothing; the sweep finds the row.
LONGEST_DELAY = 60


def declare(worker: Worker, broker: SharedBroker) -> None:
    """Declare the drain actor on a broker."""

    async def drain() -> None:
        await worker.drain()

    dramatiq.actor(actor_name=DRAIN, queue_name=QUEUE, broker=broker)(drain)


class Lifecycle(AsyncIO):
    """Starts the sweep with the process; on SIGTERM, stops claims first and closes connections last."""

    def __init__(self, *, metrics: bool = False) -> None:
        super().__init__()
        self._metrics = metrics
        self.worker: Worker | None = None
        self.sweep = True
        self._sweeping: Future[None] | None = None

    @property
    def forks(self) -> list[Callable[[], int]]:
        """What Dramatiq runs next to the workers, in a separate process."""
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
        """Wait a minute at most: a forged message that is due in years would hold its place."""
        # Dramatiq says it in the thread of a queue; among the jobs nothing waits
        delayed = str(getattr(threading.current_thread(), "queue_name", "")).endswith(".DQ")
        latest = int((time.time() + (LONGEST_DELAY if delayed else 0)) * 1000)
        message.options["eta"] = min(message.options["eta"], latest)

    def stop_claims(self) -> None:
        """Stop claims; a signal arrives a second before Dramatiq reacts."""
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
