"""Checks of new and changed URLs, concurrently with deliveries. They only set a warning on the endpoint."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.workers.probe import warning

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.deliveries import UrlCheck
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.store import Store

logger = logging.getLogger(__name__)

#: Checks at once, and in one call.
AT_ONCE = 10


class UrlChecks:
    """Runs checks concurrently with deliveries, on request: those that are due, a few at a time, until none is."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._under_way: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start, unless checks are running."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._run())

    async def finished(self) -> None:
        """Wait until the running checks have ended."""
        if self._under_way:
            await self._under_way

    async def close(self) -> None:
        """Leave unfinished checks to another worker, once their leases expire."""
        if self._under_way:
            self._under_way.cancel()
            with suppress(asyncio.CancelledError):
                await self._under_way

    async def _run(self) -> None:
        try:
            while claimed := await self._store.claim_url_checks(how_many=AT_ONCE):
                checked = await asyncio.gather(*(self._checked(one) for one in claimed))
                if results := [one for one in checked if one]:
                    await self._store.record_url_checks(results)
        except StoreError as exc:
            logger.warning("URL checks are delayed: %s", exc)
        except Exception:
            # the next claim starts them again
            logger.exception("URL checks failed")

    async def _checked(self, one: UrlCheck) -> UrlCheck | None:
        """Return a check with what it found, or None after a fault of this process."""
        try:
            return msgspec.structs.replace(one, warning=await warning(one, self._settings))
        except Exception:
            logger.exception("the URL of endpoint %s was not checked: a fault of this process", one.id)
            return None
