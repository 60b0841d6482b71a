"""The cache of adapters: connections are reused, bounded in number, and closed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from webhooks import destinations
from webhooks.errors import SetupError
from workers.adapters import Adapter, Context, adapter_class

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from webhooks.deliveries import Endpoint
    from webhooks.settings import Settings

logger = logging.getLogger(__name__)

#: Adapters kept open at once. Beyond it the one that was unused the longest is closed.
CACHED = 256

#: An adapter that was unused for so long is closed: hosts close idle connections, and ours would stay half open.
UNUSED_SECONDS = 120.0

#: scheme -> its adapter, once it is imported.
_LOADED: dict[str, type[Adapter]] = {}

Key = tuple[str, str | None]


class AdapterCache:
    """Adapters by URL and credentials profile; bounded, and closed on eviction and shutdown."""

    def __init__(self, settings: Settings, *, size: int = CACHED, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._size = size
        self._adapters: OrderedDict[Key, Adapter] = OrderedDict()
        self._in_use: dict[Key, int] = {}
        self._clock = clock
        self._used_at: dict[Key, float] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def use(self, endpoint: Endpoint) -> AsyncIterator[Adapter]:
        """Lend an endpoint's adapter. Raises DestinationError for one that cannot be delivered to."""
        key = (endpoint.url, endpoint.credentials_profile)
        if key not in self._adapters:
            destination = destinations.parse(endpoint.url, allow_http=self._settings.allow_http)
            context = self._context(endpoint.credentials_profile)
            # importing an SDK takes a second or two: not on the event loop
            if destination.scheme not in _LOADED:
                _LOADED[destination.scheme] = await asyncio.to_thread(adapter_class, destination.scheme)
            if key not in self._adapters:  # another delivery may have been quicker
                self._adapters[key] = _LOADED[destination.scheme](destination, context)
        adapter = self._adapters[key]
        self._adapters.move_to_end(key)
        self._in_use[key] = self._in_use.get(key, 0) + 1
        try:
            yield adapter
        finally:
            self._in_use[key] -= 1
            self._used_at[key] = self._clock()
            if not self._in_use[key]:
                del self._in_use[key]
            self._evict()

    async def close(self) -> None:
        """Close all adapters."""
        while self._adapters:
            _, adapter = self._adapters.popitem()
            await self._close(adapter)
        await asyncio.gather(*self._closing)

    def _context(self, profile: str | None) -> Context:
        if profile and profile not in self._settings.credentials:
            raise SetupError(f"the endpoint's credentials_profile {profile!r} is not in WEBHOOKS_CREDENTIALS")
        return Context(self._settings, self._settings.credentials[profile] if profile else {})

    def _evict(self) -> None:
        """Close what is too many, or was unused for long: at most one a call, the one unused the longest."""
        # only an idle one: closing another would abort a delivery
        oldest = next((key for key in self._adapters if key not in self._in_use), None)
        if oldest is None:
            return
        if len(self._adapters) > self._size or self._clock() - self._used_at[oldest] > UNUSED_SECONDS:
            del self._used_at[oldest]
            # aside: it must not use up the time of the delivery that happens to end now
            closing = asyncio.create_task(self._close(self._adapters.pop(oldest)))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _close(self, adapter: Adapter) -> None:
        try:
            await adapter.close()
        except Exception:
            logger.exception("closing an adapter failed")
