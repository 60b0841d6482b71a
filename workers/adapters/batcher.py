"""The batcher: deliveries that come within some milliseconds travel in one request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from supabase_webhooks.workers.adapters.receipts import settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from supabase_webhooks.webhooks.deliveries import Receipt

#: Seconds that the first of a batch waits for others.
LINGER = 0.005

Item = TypeVar("Item")


class _Batch(Generic[Item]):
    """Items with the futures of their callers; its request is abandoned when no caller waits any more."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.size = 0
        self.waiting: list[asyncio.Future[Receipt]] = []
        self.request: asyncio.Task[None] | None = None

    def add(self, item: Item, size: int) -> asyncio.Future[Receipt]:
        """Add an item and return the future of its receipt."""
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        future.add_done_callback(self._answered)
        self.items.append(item)
        self.size += size
        self.waiting.append(future)
        return future

    def settle(self, results: Sequence[Receipt | Exception]) -> None:
        """Resolve all futures."""
        for future, result in zip(self.waiting, results, strict=True):
            settle(future, result)

    def _answered(self, _: asyncio.Future[Receipt]) -> None:
        if self.request and all(future.done() for future in self.waiting):
            self.request.cancel()


class Batcher(Generic[Item]):
    """Calls `send` with up to `count` items of `size` bytes in all; it returns a receipt or an error for each."""

    def __init__(
        self, send: Callable[[list[Item]], Awaitable[Sequence[Receipt | Exception]]], *, count: int, size: int
    ) -> None:
        self._send = send
        self._count = count
        self.size = size
        self._open: _Batch[Item] | None = None
        self._requests: set[asyncio.Task[None]] = set()

    async def add(self, item: Item, size: int) -> Receipt:
        """Send an item of `size` bytes with others and return its receipt. Raises what `send` returned or raised."""
        if self._open and self._open.size + size > self.size:
            self._flush(self._open)
        if self._open is None:
            self._open = _Batch()
            asyncio.get_running_loop().call_later(LINGER, self._flush, self._open)
        batch = self._open
        future = batch.add(item, size)
        if len(batch.items) >= self._count:
            self._flush(batch)
        return await future

    async def close(self) -> None:
        """Wait for the requests in progress."""
        if self._open:
            self._flush(self._open)
        await asyncio.gather(*self._requests, return_exceptions=True)

    def _flush(self, batch: _Batch[Item]) -> None:
        if batch is not self._open:
            return
        self._open = None
        batch.request = asyncio.create_task(self._deliver(batch))
        self._requests.add(batch.request)
        batch.request.add_done_callback(self._requests.discard)

    async def _deliver(self, batch: _Batch[Item]) -> None:
        try:
            results = await self._send(batch.items)
        except Exception as exc:  # noqa: BLE001 - the caller raises it
            results = [exc] * len(batch.items)
        batch.settle(results)
