"""Events: the catalog with each type's schema and example, and dispatching one to see where it goes."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST

from supabase_webhooks.gateway.csrf import RESTORED
from supabase_webhooks.gateway.dashboard.choices import endpoint_choices
from supabase_webhooks.gateway.dashboard.forms import FormError, document, text
from supabase_webhooks.gateway.dashboard.page import go, page, wake
from supabase_webhooks.gateway.dashboard.schema_fields import fields
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.catalog import EventType
from supabase_webhooks.webhooks.codegen.typescript import declarations
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.exact import encode, pretty
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings


class Given(NamedTuple):
    """What someone wants to dispatch, and what is wrong with it."""

    event_type: str | None
    data: str
    problem: str | None = None


@get("/events")
async def index(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Show the catalog."""
    return await _catalog(request, admin)


@post("/events/dispatch", status_code=HTTP_200_OK)
async def dispatch(
    request: Request[Any, Any, Any],
    admin: NamedDependency[Admin],
    broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
) -> Redirect | Template:
    """Dispatch an event as the admin: it is sent to every endpoint that subscribes."""
    form = await request.form()
    given = Given(text(form, "event_type"), str(form.get("event_data") or ""))
    if form.get(RESTORED):
        return await _catalog(request, admin, given)
    try:
        made = await admin.write("dispatch", event_type=given.event_type, event_data=document(form, "event_data"))
    except (FormError, StoreError) as exc:
        if isinstance(exc, StoreError) and exc.code not in REFUSALS:
            raise
        return await _catalog(request, admin, given._replace(problem=str(exc)))
    await wake(broker, settings, made["deliveries"])
    if not made["deliveries"]:
        return await _catalog(
            request, admin, given._replace(problem="No active endpoint subscribes to this event: nothing was sent.")
        )
    message = f"Dispatched: {made['deliveries']} " + ("delivery" if made["deliveries"] == 1 else "deliveries") + "."
    return go(request, f"/deliveries?request_id={made['request_id']}", message)


async def _catalog(request: Request[Any, Any, Any], admin: Admin, given: Given | None = None) -> Template:
    """Show the catalog, or what of it contains `q`; one event has what was given, and what is wrong with that."""
    _, types, endpoints, day = await asyncio.gather(
        admin.call("webhook_admin_check"),
        admin.rows("webhook_event_types", select="*", order="name"),
        endpoint_choices(admin, select="id,name,events", is_active="is.true"),
        admin.call("webhook_figures"),
    )
    volume = day["events"]
    search = (text(request.query_params, "q") or "").lower()
    webhooks = [row for row in types if row["analytics_destination"] is None]
    typescript = declarations(
        [
            EventType(**{name: row[name] for name in ("name", "description", "data_schema", "example")})
            for row in webhooks
        ]
    )
    catalog = [
        {
            **row,
            "fields": fields(row["data_schema"]),
            "schema_text": pretty(encode(row["data_schema"])),
            "example_text": pretty(encode(row["example"])),
            "subscribers": [e for e in endpoints if set(e.get("events") or []) & _patterns(row["name"])],
            "volume": volume.get(row["name"]),
            "typescript": typescript[row["name"]],
            "given": given if given and given.event_type == row["name"] else None,
        }
        for row in webhooks
        if search in f"{row['name']} {row['description']}".lower() or (given and given.event_type == row["name"])
    ]
    analytics = [row for row in types if row["analytics_destination"] is not None]
    known = any(row["given"] for row in catalog)
    return page(
        request, "events.html", admin, catalog=catalog, analytics=analytics, search=search,
        problem=given.problem if given and not known else None,
        status=HTTP_400_BAD_REQUEST if given and given.problem else HTTP_200_OK,
    )  # fmt: skip


def _patterns(name: str) -> set[str]:
    return {name, f"{name.split('.', maxsplit=1)[0]}.*", "*"}


ROUTES = [index, dispatch]
