"""Adapters: how a delivery travels to a destination, one module for each protocol.

An adapter knows its protocol and nothing else. Timeout, retry, recording and shutdown are written once, above.
"""

from __future__ import annotations

import importlib
from collections import OrderedDict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from webhooks import destinations
from webhooks.errors import DestinationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from webhooks.deliveries import Receipt
    from webhooks.destinations import HttpDestination

#: scheme -> "module:Class", imported on first use.
ADAPTERS = {"https": "workers.adapters.http:HttpAdapter", "http": "workers.adapters.http:HttpAdapter"}

#: Adapters kept open at once. Beyond it the one that was unused the longest is closed.
CACHED = 256


class Adapter(Protocol):
    """Delivers to one destination. Cancelling `publish` abandons the attempt."""

    async def publish(self, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """Deliver; return once the destination has accepted, else raise DeliveryError."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


def create_adapter(destination: HttpDestination) -> Adapter:
    """Return a new adapter for a destination. Raises DestinationError when no adapter knows its scheme."""
    scheme = destination.url.partition(":")[0].lower()
    target = ADAPTERS.get(scheme)
    if target is None:
        raise DestinationError(f"no adapter delivers to {scheme}:// (there are: {', '.join(ADAPTERS)})")
    module, _, name = target.partition(":")
    adapter: Adapter = getattr(importlib.import_module(module), name)(destination)
    return adapter


class AdapterCache:
    """Adapters by URL, so that connections are reused; bounded, and closed on eviction and shutdown."""

    def __init__(self, *, allow_http: bool, size: int = CACHED) -> None:
        self._allow_http = allow_http
        self._size = size
        self._adapters: OrderedDict[str, Adapter] = OrderedDict()
        self._in_use: dict[str, int] = {}

    @asynccontextmanager
    async def use(self, url: str) -> AsyncIterator[Adapter]:
        """Lend the adapter of a URL. Raises DestinationError for a URL that cannot be delivered to."""
        adapter = self._adapters.get(url)
        if adapter is None:
            adapter = self._adapters[url] = create_adapter(destinations.parse(url, allow_http=self._allow_http))
        self._adapters.move_to_end(url)
        self._in_use[url] = self._in_use.get(url, 0) + 1
        try:
            yield adapter
        finally:
            self._in_use[url] -= 1
            if not self._in_use[url]:
                del self._in_use[url]
            await self._evict()

    async def close(self) -> None:
        """Close all adapters."""
        while self._adapters:
            _, adapter = self._adapters.popitem()
            await adapter.close()

    async def _evict(self) -> None:
        if len(self._adapters) <= self._size:
            return
        idle = next((url for url in self._adapters if url not in self._in_use), None)
        if idle is not None:
            await self._adapters.pop(idle).close()
