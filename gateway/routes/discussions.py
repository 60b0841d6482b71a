"""The platform's hourly job: it closes expired discussions. Drop-in for its old Edge Function."""

from __future__ import annotations

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.status_codes import HTTP_200_OK

from supabase_webhooks.gateway.auth import server_only
from supabase_webhooks.gateway.routes.dispatcher import SECURITY
from supabase_webhooks.gateway.scopes import SERVER, closed
from supabase_webhooks.webhooks.store import Store

#: Discussions closed by one statement: its locks are held for well under a second.
BATCH_SIZE = 1000

#: Batches of one call, so that it ends before the cron times out; the next call continues.
MAX_BATCHES = 20


class Closed(msgspec.Struct):
    """How many discussions were closed, and how many expired ones remain for the next call."""

    closed: int
    remaining: int


@post(
    "/functions/v1/close-expired-discussions",
    guards=[server_only],
    status_code=HTTP_200_OK,
    security=SECURITY,
    summary="Close the discussions that have expired",
    **closed(SERVER),
)
async def close_expired_discussions(store: NamedDependency[Store]) -> Closed:
    """Close them in batches, each emitted as discussion.auto_closed. 404 if there is no table of discussions."""
    total = Closed(closed=0, remaining=0)
    for _ in range(MAX_BATCHES):
        closed, total.remaining = await store.close_expired_discussions(batch_size=BATCH_SIZE)
        total.closed += closed
        # none closed though some remain: another call has locked them
        if not closed or not total.remaining:
            break
    return total


ROUTES = [close_expired_discussions]
