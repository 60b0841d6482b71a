"""Deliveries: searched by any field, a page at a time, watched live, and retried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK

from supabase_webhooks.gateway.dashboard.forms import FormError, choice, identifier, moment, text
from supabase_webhooks.gateway.dashboard.page import go, page, retried, wake
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings

#: As the database has them, and `unfinished` for the first two.
STATUSES = ["pending", "processing", "delivered", "failed", "unfinished"]

#: Reads a field of a form or an address.
Read = Callable[[Mapping[str, Any], str], str | None]

#: Each filter of the page, and how it is read.
FILTERS: dict[str, Read] = {
    "event_type": text,
    "status": partial(choice, of=STATUSES),
    "webhook_config_id": identifier,
    "created_from": moment,
    "created_until": moment,
    "request_id": identifier,
    "payload_path": text,
    "payload_value": text,
}

CURSOR: dict[str, Read] = {"before_created_at": moment, "before_id": identifier}

PAGE_SIZE = 50


@get("/deliveries")
async def index(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Show the search and a page of what it finds."""
    fields = dict(request.query_params)
    found, problem = await search(admin, fields)
    endpoints = await admin.rows("webhook_configurations", select="id,name", order="name")
    types = await admin.rows("webhook_event_types", select="name", analytics_destination="is.null", order="name")
    fields = {name: fields.get(name, "") for name in [*FILTERS, *CURSOR, "live"]}
    filters = {name: fields[name] for name in FILTERS if fields[name]}
    return page(
        request, "deliveries.html", admin, found=found, problem=problem, fields=fields, filters=filters,
        cursor={name: fields[name] for name in CURSOR if fields[name]}, endpoints=endpoints,
        types=[*[row["name"] for row in types], "webhook.test"], statuses=STATUSES,
        first=not any(fields[name] for name in CURSOR), live=fields["live"] == "1",
    )  # fmt: skip


@get("/deliveries/rows")
async def rows(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Return the newest rows alone, for the page to refresh itself."""
    found, _ = await search(admin, dict(request.query_params))
    return page(request, "delivery_rows.html", admin, deliveries=found["deliveries"])


@post("/deliveries/retry", status_code=HTTP_200_OK)
async def retry(
    request: Request[Any, Any, Any],
    admin: NamedDependency[Admin],
    broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
) -> Redirect:
    """Make the selected ones due now, and return to the page that they were selected on."""
    fields = await request.form()
    back = {name: value for name in [*FILTERS, *CURSOR] if (value := text(fields, name))}
    page_before = f"/deliveries?{urlencode(back)}" if back else "/deliveries"
    chosen = fields.getall("delivery_ids", [])
    if not chosen:
        return go(request, page_before, "Select deliveries first.", kind="error")
    try:
        done = await admin.write("retry_many", delivery_ids=chosen)
    except StoreError as exc:
        if exc.code not in REFUSALS:
            raise
        return go(request, page_before, str(exc), kind="error")
    await wake(broker, settings, done["retried"])
    left = len(chosen) - done["retried"]
    held = f" {left:,} were not changed: their endpoint is inactive, or they are being sent." if left else ""
    return go(request, page_before, retried(done) + held if done["retried"] else held.strip())


async def search(admin: Admin, fields: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return what a search finds, or nothing and the error in it."""
    try:
        arguments = {name: read(fields, name) for name, read in {**FILTERS, **CURSOR}.items()}
    except FormError as exc:
        return {"deliveries": [], "next": None, "searched_until": None}, str(exc)
    if arguments["payload_path"] is None:
        arguments["payload_value"] = None
    given = {name: value for name, value in arguments.items() if value is not None}
    return dict(await admin.call("search_webhook_deliveries", **given, page_size=PAGE_SIZE)), None


ROUTES = [index, rows, retry]
