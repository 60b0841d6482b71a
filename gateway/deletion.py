"""Deleting an endpoint: batch by batch, for as long as a request may take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uuid import UUID

    from supabase_webhooks.gateway.session import Admin

#: Seconds after which a request returns, finished or not: some serverless hosts allow only ten.
SECONDS = 8.0


async def delete_endpoint(caller: Admin, endpoint_id: UUID, *, keep_history: bool) -> dict[str, Any]:
    """Delete an endpoint; return its id, how many deliveries that deleted or failed, and whether there are `more`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SECONDS
    deliveries = 0
    while True:
        done = await caller.write("delete_endpoint", webhook_config_id=str(endpoint_id), keep_history=keep_history)
        deliveries += done["deliveries"]
        if not done["more"] or loop.time() > end:
            return {**done, "deliveries": deliveries}
