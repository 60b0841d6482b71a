"""The tally of a bounded drain: what was claimed, and its results."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from supabase_webhooks.webhooks.deliveries import Claimed, Drained
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supabase_webhooks.webhooks.deliveries import Attempt, Delivery, Recorded
    from supabase_webhooks.webhooks.settings import Settings

logger = logging.getLogger(__name__)


class Tally(Store):
    """A store on another one's connections. It counts, and claims nothing that cannot be attempted `until` a time.

    Times are the event loop's.
    """

    def __init__(self, store: Store, settings: Settings, *, until: float) -> None:
        super().__init__(settings)
        self._store = store
        self._longest = settings.timeout_seconds
        self._until = until
        self._counts: Counter[str] = Counter()
        self._unsettled = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._stop = asyncio.Event()
        self._failure: StoreError | None = None
        self._warned: set[str] = set()

    @property
    def claimed(self) -> int:
        """How many deliveries were claimed."""
        return self._counts["claimed"]

    def may_claim(self, *, at: float = 0.0) -> bool:
        """Return whether an attempt that begins now, or later `at` a time, can last as long as it may."""
        begins = max(at, asyncio.get_running_loop().time())
        return not self._stop.is_set() and begins + self._longest <= self._until

    def stop(self) -> None:
        """Stop claiming."""
        self._stop.set()

    async def stopped(self, *, within: float) -> None:
        """Wait for `stop`, but at most `seconds`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), max(0.0, within))

    async def settled(self) -> None:
        """Wait until every claimed delivery was recorded or released."""
        await self._quiet.wait()

    def drained(self) -> Drained:
        """Return the counts. Raises StoreError when claims failed, and nothing was ever claimed."""
        if self._failure and not self.claimed:
            raise self._failure
        return Drained(**{name: self._counts[name] for name in Drained.__struct_fields__})

    async def claim(
        self, *, batch_size: int, busy: Mapping[str, int], worker: str, quiet_seconds: float | None = None
    ) -> Claimed:
        """Claim, if there is time; release what came too late."""
        if not self.may_claim():
            return Claimed([], None)
        try:
            claimed = await super().claim(batch_size=batch_size, busy=busy, worker=worker, quiet_seconds=quiet_seconds)
        except StoreError as exc:
            self._failure = exc
            raise
        batch = claimed.deliveries
        if not batch:
            return claimed
        self._counts["claimed"] += len(batch)
        self._add(len(batch))
        if not self.may_claim():
            await self.release(batch)
            return Claimed([], None)
        return Claimed([self._within_time(delivery) for delivery in batch], claimed.due_in_seconds)

    async def record(self, attempts: Sequence[Attempt]) -> list[Recorded]:
        """Record, and count by result."""
        recorded = await super().record(attempts)
        self._counts.update(one.status for one in recorded if one.accepted)
        self._add(-len(attempts))
        return recorded

    async def release(self, deliveries: Sequence[Delivery]) -> int:
        """Release; the lease releases what fails here."""
        self._counts["released"] += len(deliveries)
        try:
            return await super().release(deliveries)
        finally:
            self._add(-len(deliveries))

    async def _rpc(self, function: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the function returns
        return await self._store.call(function, arguments)

    def _add(self, unsettled: int) -> None:
        self._unsettled += unsettled
        if self._unsettled:
            self._quiet.clear()
        else:
            self._quiet.set()

    def _within_time(self, delivery: Delivery) -> Delivery:
        """Return a delivery whose attempt ends in time."""
        endpoint = delivery.endpoint
        left = self._until - asyncio.get_running_loop().time()
        if (endpoint.timeout_seconds or self._longest) <= left:
            return delivery
        if endpoint.id not in self._warned:
            self._warned.add(endpoint.id)
            logger.warning(
                "endpoint %s has a timeout of %g s, but this drain leaves %.1f s: use a longer drain",
                endpoint.id,
                endpoint.timeout_seconds,
                left,
            )
        return msgspec.structs.replace(
            delivery, endpoint=msgspec.structs.replace(endpoint, timeout_seconds=round(left, 1))
        )
