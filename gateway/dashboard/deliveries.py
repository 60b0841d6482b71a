"""Deliveries: searched by any of their traits, a page at a time, or watched as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Template

from gateway.dashboard.forms import FormError, choice, identifier, moment, text
from gateway.dashboard.page import page
from gateway.session import Admin

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
        endpoints=endpoints, types=[*[row["name"] for row in types], "webhook.test"], statuses=STATUSES,
        first=not any(fields[name] for name in CURSOR), live=fields["live"] == "1",
    )  # fmt: skip


@get("/deliveries/rows")
async def rows(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Return the newest rows alone, for the page to renew itself."""
    found, _ = await search(admin, dict(request.query_params))
    return page(request, "delivery_rows.html", admin, deliveries=found["deliveries"])


async def search(admin: Admin, fields: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return what a search finds, or nothing and what is wrong with it."""
    try:
        arguments = {name: read(fields, name) for name, read in {**FILTERS, **CURSOR}.items()}
    except FormError as exc:
        return {"deliveries": [], "next": None, "searched_until": None}, str(exc)
    if arguments["payload_path"] is None:
        arguments["payload_value"] = None
    given = {name: value for name, value in arguments.items() if value is not None}
    return dict(await admin.call("search_webhook_deliveries", **given, page_size=PAGE_SIZE)), None


ROUTES = [index, rows]
