"""One delivery: its payload, requests and responses, timeline, and a button to send it again."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK

from supabase_webhooks.gateway.dashboard.page import go, page, wake
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.exact import compact
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings

UNFINISHED = {"pending", "processing"}

#: What htmx takes as: this is the last one (its documentation, "hx-trigger", polling).
STOP_POLLING = 286


@get("/deliveries/{delivery_id:uuid}")
async def show(
    request: Request[Any, Any, Any],
    admin: NamedDependency[Admin],
    settings: NamedDependency[Settings],
    delivery_id: FromPath[UUID],
) -> Template:
    """Show its details."""
    return await _show("delivery.html", request, admin, settings, delivery_id)


@get("/deliveries/{delivery_id:uuid}/state")
async def state(
    request: Request[Any, Any, Any],
    admin: NamedDependency[Admin],
    settings: NamedDependency[Settings],
    delivery_id: FromPath[UUID],
) -> Template:
    """Return what changes while it is being delivered, for the page to refresh itself."""
    part = await _show("delivery_state.html", request, admin, settings, delivery_id)
    if part.context["delivery"]["status"] not in UNFINISHED:
        part.status_code = STOP_POLLING
    return part


@post("/deliveries/{delivery_id:uuid}/retry", status_code=HTTP_200_OK)
async def retry(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], broker: NamedDependency[Broker],
    settings: NamedDependency[Settings], delivery_id: FromPath[UUID],
) -> Redirect:  # fmt: skip
    """Make it due now."""
    try:
        await admin.write("retry", delivery_id=str(delivery_id))
    except StoreError as exc:
        if exc.code not in REFUSALS:
            raise
        return go(request, f"/deliveries/{delivery_id}", str(exc), kind="error")
    await wake(broker, settings)
    return go(request, f"/deliveries/{delivery_id}", "The delivery is due now and will be sent in a moment.")


async def _show(
    template: str, request: Request[Any, Any, Any], admin: Admin, settings: Settings, delivery_id: UUID
) -> Template:
    delivery = await admin.call("get_webhook_delivery", delivery_id=str(delivery_id))
    headers = sent_headers(delivery, settings)
    return page(request, template, admin, delivery=delivery, headers=headers, curl=curl(delivery, headers))


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
    """Return a command that sends the same body, unsigned; None for a queue."""
    url = delivery["endpoint"]["url"]
    if not url.startswith(("http://", "https://")):
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
