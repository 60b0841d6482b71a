"""Events: the catalog with each type's schema and example, and dispatching one to see where it goes."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK

from supabase_webhooks.gateway.dashboard.forms import FormError, document, text
from supabase_webhooks.gateway.dashboard.page import go, page, wake
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.exact import encode, pretty
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings


@get("/events")
async def index(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Show the catalog."""
    await admin.call("webhook_admin_check")
    types = await admin.rows("webhook_event_types", select="*", order="name")
    endpoints = await admin.rows("webhook_configurations", select="name,events", is_active="is.true", order="name")
    catalog = [
        {
            **row,
            "schema_text": pretty(encode(row["data_schema"])),
            "example_text": pretty(encode(row["example"])),
            "subscribers": [e["name"] for e in endpoints if set(e["events"]) & _patterns(row["name"])],
        }
        for row in types
        if row["analytics_destination"] is None
    ]
    analytics = [row for row in types if row["analytics_destination"] is not None]
    return page(request, "events.html", admin, catalog=catalog, analytics=analytics)


@post("/events/dispatch", status_code=HTTP_200_OK)
async def dispatch(
    request: Request[Any, Any, Any],
    admin: NamedDependency[Admin],
    broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
) -> Redirect:
    """Dispatch an event as the admin: it is sent to every endpoint that subscribes."""
    fields = await request.form()
    try:
        data = document(fields, "event_data")
        made = await admin.write("dispatch", event_type=text(fields, "event_type"), event_data=data)
    except (FormError, StoreError) as exc:
        if isinstance(exc, StoreError) and exc.code not in REFUSALS:
            raise
        return go(request, "/events", str(exc), kind="error")
    await wake(broker, settings, made["deliveries"])
    if not made["deliveries"]:
        return go(request, "/events", "No active endpoint subscribes to this event: nothing was sent.", kind="error")
    message = f"Dispatched: {made['deliveries']} " + ("delivery" if made["deliveries"] == 1 else "deliveries") + "."
    return go(request, f"/deliveries?request_id={made['request_id']}", message)


def _patterns(name: str) -> set[str]:
    return {name, f"{name.split('.', maxsplit=1)[0]}.*", "*"}


ROUTES = [index, dispatch]
