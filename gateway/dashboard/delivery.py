"""One delivery, next to the list: attempts over time, request, response, timeline, and a button to send it again."""

from __future__ import annotations

import asyncio
import shlex
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK

from supabase_webhooks.gateway.dashboard.colored import colored
from supabase_webhooks.gateway.dashboard.deliveries import listed
from supabase_webhooks.gateway.dashboard.filters import FILTERS, wanted
from supabase_webhooks.gateway.dashboard.forms import text
from supabase_webhooks.gateway.dashboard.page import go, page, wake
from supabase_webhooks.gateway.dashboard.waterfall import waterfall
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.exact import compact
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings

UNFINISHED = {"pending", "processing"}

#: What the panel shows under the attempts.
TABS = {"request": "Request", "response": "Response", "timeline": "Timeline"}

#: What htmx takes as: this is the last one (its documentation, "hx-trigger", polling).
STOP_POLLING = 286


@get("/deliveries/{delivery_id:uuid}")
async def show(
    request: Request[Any, Any, Any],
    admin: NamedDependency[Admin],
    settings: NamedDependency[Settings],
    delivery_id: FromPath[UUID],
) -> Template:
    """Show its details: the panel alone for a page that has the list, else both."""
    if request.headers.get("hx-request"):
        shown = await _shown(request, admin, settings, delivery_id)
        return page(request, "delivery_panel.html", admin, **shown, fragment=True, polled=False)
    around, shown = await asyncio.gather(listed(request, admin), _shown(request, admin, settings, delivery_id))
    return page(request, "deliveries.html", admin, **{**around, **shown}, fragment=False, polled=False)


@get("/deliveries/{delivery_id:uuid}/state")
async def state(
    request: Request[Any, Any, Any],
    admin: NamedDependency[Admin],
    settings: NamedDependency[Settings],
    delivery_id: FromPath[UUID],
) -> Template:
    """Return its details while it is being delivered, for the page to refresh itself."""
    shown = await _shown(request, admin, settings, delivery_id)
    status = HTTP_200_OK if shown["delivery"]["status"] in UNFINISHED else STOP_POLLING
    return page(request, "delivery_panel.html", admin, status=status, **shown, fragment=True, polled=True)


@post("/deliveries/{delivery_id:uuid}/retry", status_code=HTTP_200_OK)
async def retry(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], broker: NamedDependency[Broker],
    settings: NamedDependency[Settings], delivery_id: FromPath[UUID],
) -> Redirect:  # fmt: skip
    """Make it due now."""
    fields = await request.form()
    back = {name: value for name in [*FILTERS, "range"] if (value := text(fields, name))}
    address = wanted({}).address(f"/deliveries/{delivery_id}", **back)
    try:
        done = await admin.write("retry", delivery_id=str(delivery_id))
    except StoreError as exc:
        if exc.code not in REFUSALS:
            raise
        return go(request, address, str(exc), kind="error")
    await wake(broker, settings)
    return go(request, address, "The delivery is due now and will be sent in a moment.", sent=done["attempts"])


async def _shown(
    request: Request[Any, Any, Any], admin: Admin, settings: Settings, delivery_id: UUID
) -> dict[str, Any]:
    """Return what the panel shows."""
    delivery = await admin.call("get_webhook_delivery", delivery_id=str(delivery_id))
    for attempt in delivery["attempt_log"]:
        # left out for a viewer who sees no payloads
        attempt.update({name: attempt.get(name) for name in ("response_headers", "response_excerpt")})
    headers = sent_headers(delivery, settings)
    asked = wanted(request.query_params)
    tab = request.query_params.get("tab")
    flash = request.session.pop("flash", None)
    told = flash["sent"] if flash else _count(request.query_params.get("told"))
    if told is not None and (delivery["attempts"] > told or delivery["status"] not in UNFINISHED):
        flash, told = outcome(delivery), None
    return {
        "delivery": delivery, "headers": headers, "curl": curl(delivery, headers), "flash": flash, "told": told,
        "asked": asked, "tabs": TABS, "tab": tab if tab in TABS else "request", "query": asked.address(""),
        "attempt": _chosen(delivery, request.query_params.get("attempt")), "waterfall": waterfall(delivery),
        "unfinished": delivery["status"] in UNFINISHED, "colored": colored,
    }  # fmt: skip


def outcome(delivery: dict[str, Any]) -> dict[str, Any]:
    """Return the message that replaces "will be sent in a moment"."""
    log = delivery["attempt_log"]
    last = log[-1] if log else None
    if delivery["status"] == "delivered":
        return {"kind": "done", "text": f"Delivered in {last['duration_ms']:,} ms." if last else "Delivered."}
    reason = delivery["error_message"] or "the attempt failed"
    if delivery["status"] == "failed":
        return {"kind": "error", "text": f"Failed: {reason}"}
    return {"kind": "warning", "text": f"Attempt {delivery['attempts']} failed: {reason}. It is retried."}


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004


def _chosen(delivery: dict[str, Any], number: str | None) -> dict[str, Any] | None:
    """Return the attempt that is looked at: the last one unless another is chosen."""
    log: list[dict[str, Any]] = delivery["attempt_log"]
    return next((one for one in log if str(one["number"]) == number), log[-1] if log else None)


def sent_headers(delivery: dict[str, Any], settings: Settings) -> dict[str, str | None]:
    """Return the headers of the last attempt; None for a value that only the worker knows."""
    log = delivery["attempt_log"]
    sent = str(int(datetime.fromisoformat(log[-1]["started_at"]).timestamp())) if log else None
    return {
        "Content-Type": "application/json",
        "User-Agent": settings.user_agent,
        "webhook-id": delivery["id"],
        "webhook-timestamp": sent,
        "webhook-signature": None,
        "X-Webhook-Signature": None,
    }


def curl(delivery: dict[str, Any], headers: dict[str, str | None]) -> str | None:
    """Return a command that sends the same body, unsigned; None for a queue, or where the body is hidden."""
    url = delivery["endpoint"]["url"]
    if delivery["body"] is None or not url.startswith(("http://", "https://")):
        return None
    known = [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items() if value is not None]
    # --globoff: brackets and braces of the URL stand for themselves
    parts = [
        f"curl --globoff -X POST {shlex.quote(url)}",
        *known,
        f"--data-raw {shlex.quote(compact(delivery['body']))}",
    ]
    return " \\\n  ".join(parts)


ROUTES = [show, state, retry]
