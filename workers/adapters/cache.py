"""The cache of adapters: connections are reused, bounded in number, and closed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from supabase_webhooks.webhooks import destinations
from supabase_webhooks.workers.adapters import Adapter, Context, adapter_class

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from supabase_webhooks.webhooks.deliveries import Endpoint
    from supabase_webhooks.webhooks.settings import Settings

logger = logging.getLogger(__name__)


class Kept(NamedTuple):
    """How many adapters are kept open at once, and for how many seconds without use.

    Beyond that the least recently used one is closed. Hosts close idle connections, and ours would stay half open.
    """

    adapters: int
    seconds: float


OTHERS = ""

#: By scheme; all others share the last. HTTP's are a few objects and connections, which are of use for four seconds,
#: but a thousand endpoints must keep theirs while a backlog goes to them in turns (a TLS connection takes 54 KB). An
#: SDK's client, with its threads and buffers, is costly to create and to keep.
KEPT = {"http": Kept(1024, 10.0), "https": Kept(1024, 10.0), OTHERS: Kept(256, 120.0)}

#: scheme -> its adapter, once it is imported.
_LOADED: dict[str, type[Adapter]] = {}

Key = tuple[str, str | None, bool]


@dataclass
class _Entry:
    """An adapter with its number of users. The last user closes a retired one."""

    adapter: Adapter
    used_at: float
    users: int = 0
    retired: bool = False


class AdapterCache:
    """Adapters by URL, credentials profile and networks; bounded, and closed on eviction and shutdown."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._by_scheme: dict[str, OrderedDict[Key, _Entry]] = {scheme: OrderedDict() for scheme in KEPT}
        self._clock = clock
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def use(self, endpoint: Endpoint) -> AsyncIterator[Adapter]:
        """Provide an endpoint's adapter. Raises DestinationError if the endpoint cannot be delivered to."""
        key, entries = _key(endpoint), self._entries(endpoint)
        if key not in entries:
            destination = destinations.parse(endpoint.url, allow_http=self._settings.allow_http)
            context = Context.of(
                self._settings, destination, endpoint.credentials_profile, public_only=endpoint.public_only
            )
            # importing an SDK takes a second or two: not on the event loop
            if destination.scheme not in _LOADED:
                _LOADED[destination.scheme] = await asyncio.to_thread(adapter_class, destination.scheme)
            if key not in entries:  # another delivery may have been quicker
                adapter = _LOADED[destination.scheme](destination, context)
                entries[key] = _Entry(adapter, used_at=self._clock())
        entry = entries[key]
        entries.move_to_end(key)
        entry.users += 1
        try:
            yield entry.adapter
        finally:
            entry.users -= 1
            entry.used_at = self._clock()
            if entry.retired and not entry.users:
                self._close_aside(entry)
            for scheme in self._by_scheme:
                self._evict(self._by_scheme[scheme], KEPT[scheme])

    def holds(self, endpoint: Endpoint) -> bool:
        """Return whether an endpoint has an adapter, which may have read its credentials long ago."""
        return _key(endpoint) in self._entries(endpoint)

    def retire(self, endpoint: Endpoint, adapter: Adapter) -> None:
        """Make the next use create a new adapter, which reads credentials again; close this one once it is unused."""
        entries = self._entries(endpoint)
        entry = entries.get(_key(endpoint))
        if entry and entry.adapter is adapter:
            del entries[_key(endpoint)]
            entry.retired = True
            if not entry.users:
                self._close_aside(entry)

    async def close(self) -> None:
        """Close all adapters."""
        for entries in self._by_scheme.values():
            while entries:
                _, entry = entries.popitem()
                await self._close(entry.adapter)
        await asyncio.gather(*self._closing)

    def _entries(self, endpoint: Endpoint) -> OrderedDict[Key, _Entry]:
        scheme = endpoint.url.partition(":")[0].lower()
        return self._by_scheme[scheme if scheme in KEPT else OTHERS]

    def _evict(self, entries: OrderedDict[Key, _Entry], most: Kept) -> None:
        """Close a surplus or long unused adapter: at most one per call, the least recently used."""
        # only an idle one: closing another would abort a delivery
        oldest = next((key for key, entry in entries.items() if not entry.users), None)
        if oldest is None:
            return
        if len(entries) > most.adapters or self._clock() - entries[oldest].used_at > most.seconds:
            self._close_aside(entries.pop(oldest))

    def _close_aside(self, entry: _Entry) -> None:
        # it must not use up the time of the delivery that happens to end now
        closing = asyncio.create_task(self._close(entry.adapter))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _close(self, adapter: Adapter) -> None:
        try:
            await adapter.close()
        except Exception:
            logger.exception("closing an adapter failed")


def _key(endpoint: Endpoint) -> Key:
    return endpoint.url, endpoint.credentials_profile, endpoint.public_only
