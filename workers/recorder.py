"""The recorder: writes the results of many attempts in one call."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

import msgspec

from supabase_webhooks.webhooks.errors import StoreDenied, StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from supabase_webhooks.webhooks.deliveries import Attempt, Recorded
    from supabase_webhooks.webhooks.store import Store

logger = logging.getLogger(__name__)

#: Results in one write. A call costs 3.5 ms of CPU whatever it carries (docs/performance.md), a row 0.04 ms.
BATCH = 250

#: Seconds for which a result waits for others, so that fifty events a second take four calls; no one needs a status
#: sooner.
LINGER = 0.25

#: The same for one that others wait for: it frees a place of a limited endpoint, or may open a circuit.
SOON = 0.02

#: Seconds between attempts while Supabase is unavailable. After the lease has run out its rows are delivered again.
RETRY_SECONDS = 1.0

#: SQLSTATEs for a lock that was not available in time, and for a statement that waited for one too long.
CONTENDED = {"55P03", "57014"}


class Recorder:
    """Collects attempts and records them in batches; `settled` receives the outcome of each batch.

    While Supabase is unavailable or does not accept our key, it retries for `patience` seconds, then leases expire.
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
        self._apart: dict[str, set[asyncio.Task[None]]] = {}

    def add(self, attempt: Attempt, *, soon: bool = False) -> None:
        """Record an attempt soon, or a little later if nothing waits for it."""
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
        """How many results are not recorded yet, not counting the batch in progress."""
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
            for endpoint, results in _by_endpoint([one for one in batch if one.endpoint_id in self._apart]).items():
                self._part(endpoint, results, "another transaction holds the endpoint's circuit")
            if batch := [one for one in batch if one.endpoint_id not in self._apart]:
                await self._record(batch)
        while self._apart:
            await asyncio.wait([task for tasks in self._apart.values() for task in tasks])

    def _ready_in(self, seconds: float) -> None:
        """Write the batch after this many seconds, or sooner."""
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        if self._timer and self._timer.when() > at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(at, self._ready.set)

    async def _record(self, batch: list[Attempt]) -> None:
        deadline = asyncio.get_running_loop().time() + self._patience
        try:
            await self._settled(await self._store.record(batch))
        except (StoreUnavailable, StoreDenied) as exc:
            if exc.code in CONTENDED:
                # another transaction holds one endpoint's circuit: the others' results must not wait with its own
                for endpoint, results in _by_endpoint(batch).items():
                    self._part(endpoint, results, str(exc))
                return
            edge = _from_the_edge(exc)
            await self._retry(_bare(batch) if edge else batch, deadline, str(exc), at_once=edge)
        except Exception as exc:
            if _from_the_edge(exc):
                await self._retry(_bare(batch), deadline, str(exc), at_once=True)
            elif len(batch) == 1:
                # a bug of ours is logged with its traceback
                trace = None if isinstance(exc, StoreError) else exc
                logger.error("delivery %s was not recorded: %s", batch[0].delivery_id, exc, exc_info=trace)
            else:
                # one bad result must not block the others
                for one in batch:
                    await self._record([one])

    def _part(self, endpoint: str, batch: list[Attempt], why: str) -> None:
        """Record an endpoint's results apart from the others', and those that come meanwhile."""
        deadline = asyncio.get_running_loop().time() + self._patience
        task = asyncio.create_task(self._retry(batch, deadline, why, at_once=endpoint not in self._apart))
        self._apart.setdefault(endpoint, set()).add(task)
        task.add_done_callback(lambda done: self._parted(endpoint, done))

    def _parted(self, endpoint: str, task: asyncio.Task[None]) -> None:
        self._apart[endpoint].discard(task)
        if not self._apart[endpoint]:
            del self._apart[endpoint]

    async def _retry(self, batch: list[Attempt], deadline: float, why: str, *, at_once: bool = False) -> None:
        """Go on until the batch is recorded, or its leases have run out."""
        loop = asyncio.get_running_loop()
        while loop.time() < deadline:
            if not at_once:
                logger.warning("recording is delayed: %s", why)
                await asyncio.sleep(RETRY_SECONDS)
            at_once = False
            try:
                await self._settled(await self._store.record(batch))
            except (StoreUnavailable, StoreDenied) as exc:
                why = str(exc)
            except StoreError as exc:
                if not _from_the_edge(exc):
                    await self._record(batch)
                    return
                why = str(exc)
            else:
                return
        logger.error("%d results were not recorded: %s; their leases will expire", len(batch), why)


def _by_endpoint(batch: list[Attempt]) -> dict[str, list[Attempt]]:
    groups: dict[str, list[Attempt]] = {}
    for one in batch:
        groups.setdefault(one.endpoint_id, []).append(one)
    return groups


def _from_the_edge(error: Exception) -> bool:
    """Return whether there is only an HTTP status: an error not of PostgREST, but of a proxy in front of it."""
    return isinstance(error, StoreError) and bool(re.fullmatch(r"4\d\d", error.code or ""))


def _bare(batch: list[Attempt]) -> list[Attempt]:
    """Return results without the receiver's words, which a firewall may object to."""
    return [
        msgspec.structs.replace(
            one,
            response_headers=None,
            response_excerpt=None,
            error=None if one.error is None else f"HTTP {one.response_status}" if one.response_status else "it failed",
        )
        for one in batch
    ]
