"""Drop-in for the platform's old Edge Functions; the dispatcher is in a module of its own."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_202_ACCEPTED

from supabase_webhooks.gateway.auth import server_or_admin
from supabase_webhooks.gateway.scopes import Scope, needs
from supabase_webhooks.webhooks.queue import Broker, announce
from supabase_webhooks.webhooks.settings import Settings
from supabase_webhooks.webhooks.store import Store


class TestRequest(msgspec.Struct):
    """Which endpoint to test."""

    webhook_config_id: UUID


class TestDelivery(msgspec.Struct):
    """The test delivery that was created; its row shows the result."""

    delivery_id: str
    request_id: str


@get(
    "/functions/v1/webhook-health",
    guards=[server_or_admin],
    summary="Health of the deliveries",
    **needs(Scope.READ),
)
async def webhook_health(store: NamedDependency[Store]) -> dict[str, Any]:
    """Return the last hour's deliveries by status, the backlog, the endpoints and the cron's last run."""
    return await store.health()


@post(
    "/functions/v1/test-webhook",
    guards=[server_or_admin],
    status_code=HTTP_202_ACCEPTED,
    summary="Send a test delivery to an endpoint",
    **needs(Scope.MANAGE),
)
async def test_webhook(
    request: Request[Any, Any, Any],
    data: JSONBody[TestRequest],
    settings: NamedDependency[Settings],
    store: NamedDependency[Store],
    broker: NamedDependency[Broker],
) -> TestDelivery:
    """Create a delivery of the event webhook.test, which is sent like any other."""
    api_token = request.scope.get("auth")
    made = await store.send_test(str(data.webhook_config_id), api_token=api_token.id if api_token else None)
    await asyncio.to_thread(announce, broker, due=1, max_jobs=settings.max_jobs)
    return TestDelivery(delivery_id=made["delivery_id"], request_id=made["request_id"])


ROUTES = [webhook_health, test_webhook]
