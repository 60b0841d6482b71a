"""Endpoints: the list with their health; pausing, deleting, rotating, testing, retrying one."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK

from supabase_webhooks.gateway.dashboard.choices import event_choices
from supabase_webhooks.gateway.dashboard.endpoint_edit import find_endpoint
from supabase_webhooks.gateway.dashboard.endpoint_form import NUMBERS
from supabase_webhooks.gateway.dashboard.forms import number, text
from supabase_webhooks.gateway.dashboard.page import go, page, retried, wake
from supabase_webhooks.gateway.dashboard.snippets import snippets
from supabase_webhooks.gateway.deletion import delete_endpoint
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.retries import described, waits
from supabase_webhooks.webhooks.settings import Settings

#: Endpoints on one page of the list.
PAGE_SIZE = 50

#: Before every other id.
FIRST_ID = str(UUID(int=0))

#: Deliveries that one click retries; the message says when there are more.
AT_MOST = 10_000

#: What the page of an endpoint draws: its name, the unit of a bar, and how many.
SPANS = {"24h": ("24 hours", "hour", 24), "7d": ("7 days", "hour", 168), "30d": ("30 days", "day", 30)}

#: What htmx takes as: this is the last one (its documentation, "hx-trigger", polling).
STOP_POLLING = 286

#: Hours for which a rotated secret may go on signing.
OVERLAPS = {"86400": "24 hours", "604800": "7 days", "3600": "1 hour", "0": "no overlap: the old secret ends now"}


@get("/endpoints")
async def index(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """List endpoints by name, a page at a time; `q` is what their name or URL contains."""
    search, after = text(request.query_params, "q"), text(request.query_params, "after")
    keyset = {"after_name": after, "after_id": text(request.query_params, "after_id") or FIRST_ID} if after else {}
    # SQL of an earlier version takes no search
    searched = {"search": search} if search else {}
    found = await admin.call("list_webhook_endpoints", **keyset, **searched, page_size=PAGE_SIZE + 1)
    shown, more = found[:PAGE_SIZE], None
    if len(found) > PAGE_SIZE:
        more = ({"q": search} if search else {}) | {"after": shown[-1]["name"], "after_id": shown[-1]["id"]}
    return page(request, "endpoints.html", admin, endpoints=shown, more=more, search=search or "", first=not keyset)


@get("/endpoints/{endpoint_id:uuid}")
async def show(request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]) -> Template:
    """Show an endpoint: health, volume over time, settings, a test, and how its receiver verifies."""
    span = request.query_params.get("span", "")
    span = span if span in SPANS else next(iter(SPANS))
    _, unit, count = SPANS[span]
    this = {"webhook_config_id": str(endpoint_id)}
    endpoint, recent, figures, types, test = await asyncio.gather(
        find_endpoint(admin, endpoint_id),
        admin.call("search_webhook_deliveries", **this, page_size=10),
        admin.call("webhook_figures", **this, unit=unit, count=count),
        event_choices(admin),
        _test(admin, request.query_params.get("test")),
    )
    return page(
        request, "endpoint.html", admin, endpoint=endpoint, recent=recent["deliveries"], numbers=NUMBERS,
        overlaps=OVERLAPS, key=uuid4(), described=described, waits=waits, figures=figures, spans=SPANS, span=span,
        types=["webhook.test", *types], test=test, snippets=snippets(),
    )  # fmt: skip


@get("/endpoints/{endpoint_id:uuid}/tests/{delivery_id:uuid}")
async def test_state(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID],
    delivery_id: FromPath[UUID],
) -> Template:  # fmt: skip
    """Return how a test is doing, for the page to refresh it until it has a response."""
    test = await admin.call("get_webhook_delivery", delivery_id=str(delivery_id))
    part = page(request, "endpoint_test.html", admin, test=test, endpoint={"id": str(endpoint_id)})
    if test["attempt_log"]:
        part.status_code = STOP_POLLING
    return part


@post("/endpoints/{endpoint_id:uuid}/rotate", status_code=HTTP_200_OK)
async def rotate(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Template:
    """Create a new secret, and show it once."""
    fields = await request.form()
    made = await admin.write(
        "rotate_secret", text(fields, "key"), webhook_config_id=str(endpoint_id),
        overlap_seconds=number(fields, "overlap"),
    )  # fmt: skip
    until = made.get("previous_until")
    return page(request, "secret.html", admin, made=made, title="Secret rotated", previous_until=until)


@post("/endpoints/{endpoint_id:uuid}/end-overlap", status_code=HTTP_200_OK)
async def end_overlap(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Redirect:
    """Sign with the new secret only."""
    await admin.write("end_secret_overlap", webhook_config_id=str(endpoint_id))
    message = "The overlap has ended: only the new secret signs, also in X-Webhook-Signature."
    return go(request, f"/endpoints/{endpoint_id}", message)


@post("/endpoints/{endpoint_id:uuid}/retry", status_code=HTTP_200_OK)
async def retry(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], broker: NamedDependency[Broker],
    settings: NamedDependency[Settings], endpoint_id: FromPath[UUID],
) -> Redirect:  # fmt: skip
    """Make the deliveries due that wait for their next attempt."""
    done = await admin.write("retry_many", webhook_config_id=str(endpoint_id), at_most=AT_MOST)
    await wake(broker, settings, done["retried"])
    return go(request, f"/endpoints/{endpoint_id}", retried(done))


@post("/endpoints/{endpoint_id:uuid}/test", status_code=HTTP_200_OK)
async def send_test(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], broker: NamedDependency[Broker],
    settings: NamedDependency[Settings], endpoint_id: FromPath[UUID],
) -> Redirect:  # fmt: skip
    """Send an event's example to it, and show the response in place."""
    event = text(await request.form(), "event_type")
    try:
        made = await admin.write("send_test", webhook_config_id=str(endpoint_id), event_type=event)
    except StoreError as exc:
        return go(request, f"/endpoints/{endpoint_id}", _problem(exc), kind="error")
    await wake(broker, settings)
    return go(request, f"/endpoints/{endpoint_id}?test={made['delivery_id']}#test")


@post("/endpoints/{endpoint_id:uuid}/active", status_code=HTTP_200_OK)
async def activate(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Redirect:
    """Resume or pause it."""
    active = (await request.form()).get("active") == "true"
    await admin.write("update_endpoint", webhook_config_id=str(endpoint_id), changes={"is_active": active})
    message = (
        "Enabled: its waiting deliveries go out now."
        if active
        else "Paused: its deliveries are held until you resume it."
    )
    return go(request, f"/endpoints/{endpoint_id}", message)


@get("/endpoints/{endpoint_id:uuid}/delete")
async def confirm_deletion(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Template:
    """Ask for confirmation, and what to do with its history."""
    return page(
        request, "endpoint_delete.html", admin, endpoint=await find_endpoint(admin, endpoint_id), history="keep"
    )


@post("/endpoints/{endpoint_id:uuid}/delete", status_code=HTTP_200_OK)
async def remove(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Template | Redirect:
    """Delete it. With many deliveries, this takes several clicks."""
    history = text(await request.form(), "history") or "keep"
    endpoint = await find_endpoint(admin, endpoint_id)
    done = await delete_endpoint(admin, endpoint_id, keep_history=history != "delete")
    if done["more"]:
        return page(
            request, "endpoint_delete.html", admin, endpoint=endpoint, history=history, so_far=done["deliveries"]
        )
    kept = "Its history remains under Deliveries." if history != "delete" else "Its history was deleted too."
    return go(request, "/endpoints", f"{endpoint['name']} was deleted. {kept}")


async def _test(admin: Admin, sent: str | None) -> dict[str, Any] | None:
    """Return a test that was sent, if there is one and its history still exists."""
    try:
        return dict(await admin.call("get_webhook_delivery", delivery_id=str(UUID(sent or ""))))
    except ValueError:
        return None
    except StoreError as exc:
        if exc.code not in REFUSALS:
            raise
        return None


def _problem(exc: StoreError) -> str:
    if exc.code not in REFUSALS:
        raise exc
    return str(exc)


ROUTES = [
    index,
    show,
    test_state,
    rotate,
    end_overlap,
    retry,
    send_test,
    activate,
    confirm_deletion,
    remove,
]
