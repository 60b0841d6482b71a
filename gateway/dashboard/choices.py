"""Endpoints and event types to choose from: all of them, of endpoints however many one request may return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supabase_webhooks.gateway.session import Admin

#: Rows of one request: fewer than Supabase returns at most (1,000 by default).
PAGE = 500

#: Endpoints in a list to choose from. Someone with more finds one by name, and its page leads on.
AT_MOST = 5000

#: The last choice of a list that is not complete.
MORE = {"id": "", "name": "… for others, open Endpoints, and there All or Replay"}


async def endpoint_choices(
    admin: Admin, chosen: str | None = None, *, select: str = "id,name", **filters: str
) -> list[dict[str, Any]]:
    """Return the ids and names of endpoints by name, the chosen one among them; `filters` as PostgREST has them."""
    if admin.viewer:
        return await _listed(admin)
    found: list[dict[str, Any]] = []
    while len(found) < AT_MOST:
        page = await admin.rows(
            "webhook_configurations", select=select, order="name,id", limit=str(PAGE), offset=str(len(found)), **filters
        )
        found += page
        if len(page) < PAGE:
            return found
    if chosen and chosen not in {row["id"] for row in found}:
        found += await admin.rows("webhook_configurations", select=select, id=f"eq.{chosen}")
    return [*found, MORE]


async def event_choices(admin: Admin) -> list[str]:
    """Return the names of the event types that are webhooks, in order."""
    types = await admin.rows("webhook_event_types", select="name", analytics_destination="is.null", order="name")
    return [row["name"] for row in types]


async def _listed(admin: Admin) -> list[dict[str, Any]]:
    """Return the first endpoints by name, for a viewer, to whom the table shows no rows."""
    listed = await admin.call("list_webhook_endpoints", page_size=PAGE)
    found = [{"id": row["id"], "name": row["name"]} for row in listed]
    return [*found, MORE] if len(found) == PAGE else found
