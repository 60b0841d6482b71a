"""Readiness: whether Supabase and the broker accept a write within two seconds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.errors import QueueUnavailable, StoreError, StoreUnavailable
from supabase_webhooks.webhooks.queue import ping

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.queue import Broker
    from supabase_webhooks.webhooks.store import Store

#: Seconds for either. Supervisors wait a few seconds for a probe.
SECONDS = 2.0

#: PostgREST's and Postgres's codes for a missing function: the migrations are older than this process.
UNKNOWN = {"PGRST202", "42883"}


async def check_store(store: Store) -> None:
    """Raise StoreError unless Postgres accepts a write: one whose disk is full is read-only, but still responds."""
    try:
        async with asyncio.timeout(SECONDS):
            found = await store.call("webhook_can_write", {})
    except TimeoutError:
        raise StoreUnavailable(f"Supabase did not respond within {SECONDS:g} s") from None
    except StoreError as exc:
        if exc.code not in UNKNOWN:
            raise
        return
    if not found["writable"]:
        raise StoreUnavailable(f"Postgres accepts no writes: {found['why']}")


async def check_broker(broker: Broker) -> None:
    """Raise QueueUnavailable unless the broker accepts a write."""
    try:
        # its thread ends by its own timeouts
        await asyncio.wait_for(asyncio.to_thread(ping, broker), SECONDS)
    except TimeoutError:
        raise QueueUnavailable(
            f"{broker.service} did not respond within {SECONDS:g} s", service=broker.service.lower()
        ) from None
