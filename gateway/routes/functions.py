"""Drop-in for the platform's old Edge Functions."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_202_ACCEPTED

from gateway.alerts import alert
from gateway.auth import server_only, server_or_admin
from webhooks.errors import QueueUnavailable
from webhooks.queue import Broker, announce
from webhooks.settings import Settings
from webhooks.store import Store

SECURITY = [{"bearer": list[str]()}]


class Run(msgspec.Struct):
    """A dispatcher run: how many deliveries were due, and how many jobs were enqueued for them."""

    run_id: str
    due: int
    enqueued: int


class TestRequest(msgspec.Struct):
    """Which endpoint to test."""

    webhook_config_id: UUID


class TestDelivery(msgspec.Struct):
    """The test delivery that was made; its row shows how it goes."""

    delivery_id: str
    request_id: str


@post(
    "/functions/v1/webhook-dispatcher",
    guards=[server_only],
    status_code=HTTP_202_ACCEPTED,
    security=SECURITY,
    summary="Enqueue jobs for all deliveries that are due",
)
async def webhook_dispatcher(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    store: NamedDependency[Store],
    broker: NamedDependency[Broker],
) -> Run:
    """Record the heartbeat and enqueue as many jobs as the due rows need. 503 when the broker or Supabase is away."""
    run_id, due = await store.start_run(request.headers.get("user-agent") or "unknown")
    try:
        enqueued = await asyncio.to_thread(announce, broker, due=due, max_jobs=settings.max_jobs) if due else 0
    except QueueUnavailable as exc:
        await store.finish_run(run_id, enqueued=0, error=str(exc))
        raise
    await store.finish_run(run_id, enqueued=enqueued)
    await alert(store, settings)
    return Run(run_id=run_id, due=due, enqueued=enqueued)


@get(
    "/functions/v1/webhook-health",
    guards=[server_or_admin],
    security=SECURITY,
    summary="Health of the deliveries",
)
async def webhook_health(store: NamedDependency[Store]) -> dict[str, Any]:
    """Return the last hour's deliveries by status, the backlog, the endpoints and the cron's last run."""
    return await store.health()


@post(
    "/functions/v1/test-webhook",
    guards=[server_or_admin],
    status_code=HTTP_202_ACCEPTED,
    security=SECURITY,
    summary="Send a test delivery to an endpoint",
)
async def test_webhook(
    data: JSONBody[TestRequest],
    settings: NamedDependency[Settings],
    store: NamedDependency[Store],
    broker: NamedDependency[Broker],
) -> TestDelivery:
    """Make a delivery of the event webhook.test, which travels like any other."""
    made = await store.send_test(str(data.webhook_config_id))
    await asyncio.to_thread(announce, broker, due=1, max_jobs=settings.max_jobs)
    return TestDelivery(delivery_id=made["delivery_id"], request_id=made["request_id"])


ROUTES = [webhook_dispatcher, webhook_health, test_webhook]
