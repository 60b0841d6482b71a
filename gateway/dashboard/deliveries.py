"""Deliveries: a list with filters, a histogram and live mode. Many are retried or skipped at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK

from supabase_webhooks.gateway.dashboard.choices import endpoint_choices, event_choices
from supabase_webhooks.gateway.dashboard.filters import CURSOR, FILTERS, RANGES, STATUSES, from_search_box, wanted
from supabase_webhooks.gateway.dashboard.forms import text
from supabase_webhooks.gateway.dashboard.histogram import bucket_seconds, histogram
from supabase_webhooks.gateway.dashboard.page import go, page, retried, wake
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.gateway.prefix import rooted
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings

if TYPE_CHECKING:
    from supabase_webhooks.gateway.dashboard.filters import Wanted

PAGE_SIZE = 50

NO_ROWS: dict[str, Any] = {"deliveries": [], "next": None, "searched_until": None}


@get("/deliveries")
async def index(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template | Redirect:
    """Show the list; what was typed into its search box becomes a filter."""
    if typed := text(request.query_params, "q"):
        return await _searched(admin, typed, wanted({**request.query_params, "q": ""}))
    return page(request, "deliveries.html", admin, **await listed(request, admin))


async def listed(request: Request[Any, Any, Any], admin: Admin) -> dict[str, Any]:
    """Return what the list shows, for its page and for that of a delivery."""
    asked = wanted(request.query_params)
    found, endpoints, types, drawing = await asyncio.gather(
        search(admin, asked),
        endpoint_choices(admin, asked.arguments.get("webhook_config_id")),
        event_choices(admin),
        drawn(admin, asked),
    )
    return {
        "asked": asked, "found": found, "drawing": drawing, "endpoints": endpoints,
        "types": [*types, "webhook.test"], "statuses": STATUSES, "ranges": RANGES,
        "chips": chips(asked, {row["id"]: row["name"] for row in endpoints}),
        "first": not asked.cursor, "live": request.query_params.get("live") == "1", "delivery": None,
        "query": asked.address(""),
    }  # fmt: skip


@get("/deliveries/rows")
async def rows(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Return the newest rows alone, for the page to refresh itself."""
    asked = wanted(request.query_params)
    found = await search(admin, asked)
    shown = {"deliveries": found["deliveries"], "query": asked.address(""), "selectable": True, "panelled": True}
    return page(request, "delivery_rows.html", admin, **shown)


@post("/deliveries/retry", status_code=HTTP_200_OK)
async def retry(
    request: Request[Any, Any, Any],
    admin: NamedDependency[Admin],
    broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
) -> Redirect:
    """Make the selected ones due now, and return to the page that they were selected on."""
    back, chosen = await _selection(request)
    if not chosen:
        return go(request, back, "Select deliveries first.", kind="error")
    try:
        done = await admin.write("retry_many", delivery_ids=chosen)
    except StoreError as exc:
        if exc.code not in REFUSALS:
            raise
        return go(request, back, str(exc), kind="error")
    await wake(broker, settings, done["retried"])
    left = len(chosen) - done["retried"]
    held = f" {left:,} were not changed: their endpoint is inactive, or they are being sent." if left else ""
    return go(request, back, retried(done) + held if done["retried"] else held.strip())


@post("/deliveries/skip", status_code=HTTP_200_OK)
async def skip(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Redirect:
    """End the selected pending ones without sending them."""
    back, chosen = await _selection(request)
    if not chosen:
        return go(request, back, "Select deliveries first.", kind="error")
    try:
        done = await admin.write("skip_many", delivery_ids=chosen)
    except StoreError as exc:
        if exc.code not in REFUSALS:
            raise
        return go(request, back, str(exc), kind="error")
    count, left = done["skipped"], len(chosen) - done["skipped"]
    skipped = f"{count:,} {'delivery was' if count == 1 else 'deliveries were'} skipped and failed. " if count else ""
    held = (
        f"{left:,} were not changed: only pending ones can be skipped, and not while they are being sent."
        if left
        else ""
    )
    return go(request, back, (skipped + held).strip(), kind="done" if count else "warning")


async def search(admin: Admin, asked: Wanted) -> dict[str, Any]:
    """Return what a search finds; nothing if there is a problem with it."""
    if asked.problem:
        return NO_ROWS
    return dict(await admin.call("search_webhook_deliveries", **asked.arguments, page_size=PAGE_SIZE))


async def drawn(admin: Admin, asked: Wanted) -> Any:  # noqa: ANN401 - a Histogram, or None
    """Return the histogram over the range; None if there is a problem with the search."""
    if asked.problem:
        return None
    given = {name: value for name, value in asked.arguments.items() if name not in CURSOR}
    given |= {"created_from": asked.begin.isoformat(), "created_until": asked.end.isoformat()}
    counted = await admin.call("webhook_histogram", **given, bucket_seconds=bucket_seconds(asked.begin, asked.end))
    return histogram(counted, lambda begin, end: asked.address(created_from=begin, created_until=end, range=None))


def chips(asked: Wanted, endpoints: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return the filters in force: name, value, and the address without it."""
    fields, found = asked.fields, []

    def chip(name: str, value: str, *removes: str) -> None:
        found.append((name, value, asked.without(*removes)))

    if "created_from" in fields or "created_until" in fields:
        begin, end = (fields.get(name, "").replace("T", " ")[:19] for name in ("created_from", "created_until"))
        chip("Created", f"{begin or '…'} to {end or 'now'} UTC", "created_from", "created_until")
    for field, name in {"status": "Status", "event_type": "Event", "response_status": "Response",
                        "request_id": "Request id"}.items():  # fmt: skip
        if field in fields:
            chip(name, fields[field], field)
    if "webhook_config_id" in fields:
        chip("Endpoint", endpoints.get(fields["webhook_config_id"], fields["webhook_config_id"]), "webhook_config_id")
    if "payload_path" in fields:
        value = f" = {fields['payload_value']}" if "payload_value" in fields else " exists"
        chip("Payload", fields["payload_path"] + value, "payload_path", "payload_value")
    return found


async def _searched(admin: Admin, typed: str, asked: Wanted) -> Redirect:
    filters = from_search_box(typed)
    if "request_id" in filters:
        try:
            await admin.call("get_webhook_delivery", delivery_id=filters["request_id"])
        except StoreError as exc:
            if exc.code not in REFUSALS:
                raise
        else:
            return Redirect(rooted(f"/deliveries/{UUID(filters['request_id'])}"), status_code=303)
    return Redirect(rooted(asked.address(**filters)), status_code=303)


async def _selection(request: Request[Any, Any, Any]) -> tuple[str, list[str]]:
    """Return the page that a selection was made on, and the ids."""
    fields = await request.form()
    back = {name: value for name in [*FILTERS, *CURSOR, "range"] if (value := text(fields, name))}
    return wanted({}).address(**back), fields.getall("delivery_ids", [])


ROUTES = [index, rows, retry, skip]
