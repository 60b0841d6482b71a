"""The recorder: results of many attempts, written in one call."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from webhooks.errors import StoreDenied, StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webhooks.deliveries import Attempt, Recorded
    from webhooks.store import Store

logger = logging.getLogger(__name__)

#: Results in one write. A call costs 3.5 ms of CPU whatever it carries (docs/performance.md), a row 0.04 ms.
BATCH = 250

#: Seconds for which a result waits for others, so that a busy worker fills its batches; nobody misses a status so soon.
LINGER = 0.05

#: The same for one that others wait for: it frees a place of a limited endpoint.
SOON = 0.02

#: Seconds between tries while Supabase is away. After the lease has run out its rows are delivered again.
RETRY_SECONDS = 1.0


class Recorder:
    """Collects attempts and records them in batches; `settled` gets what became of each batch.

    While Supabase is away or does not accept our key it keeps trying for `patience` seconds, then lets leases run out.
    """

    def __init__(self, store: Store, settled: Callable[[list[Recorded]], Awaitable[None]], *, patience: float) -> None:
        self._store = store
        self._settled = settled
        self._patience = patience
        self._waiting: list[Attempt] = []
        self._ready = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._hurried = False
        self._finishing = False

    def add(self, attempt: Attempt, *, soon: bool = False) -> None:
        """Have an attempt recorded soon, or a little later if nobody waits for it."""
        self._waiting.append(attempt)
        if len(self._waiting) >= BATCH:
            self._ready.set()
        elif len(self._waiting) == 1:
            self._ready_in(SOON if soon else LINGER)
        elif soon and not self._hurried:
            self._hurried = True
            self._ready_in(SOON)

    @property
    def waiting(self) -> int:
        """How many results are not recorded yet, the batch under way not counted."""
        return len(self._waiting)

    def flush(self) -> None:
        """Record what waits at once: nothing more is coming."""
        if self._waiting:
            self._ready.set()

    def finish(self) -> None:
        """Let `run` return once everything is recorded."""
        self._finishing = True
        self._ready.set()

    async def run(self) -> None:
        """Record until `finish`."""
        while self._waiting or not self._finishing:
            await self._ready.wait()
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            self._hurried = False
            if self._timer:
                self._timer.cancel()
                self._timer = None
            if len(self._waiting) < BATCH and not self._finishing:
                self._ready.clear()
                if self._waiting:
                    self._ready_in(SOON)
            if batch:
                await self._record(batch)

    def _ready_in(self, seconds: float) -> None:
        """Let the batch go after so many seconds, if not sooner."""
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        if self._timer and self._timer.when() > at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(at, self._ready.set)

    async def _record(self, batch: list[Attempt]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while True:
            try:
                await self._settled(await self._store.record(batch))
            except (StoreUnavailable, StoreDenied) as exc:
                if loop.time() > deadline:
                    logger.error("%d results were not recorded: %s; their leases will run out", len(batch), exc)
                    return
                logger.warning("recording waits: %s", exc)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as exc:
                if len(batch) == 1:
                    # a fault of our own shows where it lies
                    trace = None if isinstance(exc, StoreError) else exc
                    logger.error("delivery %s was not recorded: %s", batch[0].delivery_id, exc, exc_info=trace)
                    return
                # one bad result must not hold the others back
                for one in batch:
                    await self._record([one])
                return
            else:
                return
