"""Deliveries: search, read with attempts and timeline, retry, replay."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, FromQuery, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED

from supabase_webhooks.gateway.api.pages import Page, decode, encode
from supabase_webhooks.gateway.api.problems import IDEMPOTENCY, RESPONSES
from supabase_webhooks.gateway.api.write import Key, write
from supabase_webhooks.gateway.dashboard.page import wake
from supabase_webhooks.gateway.scopes import Scope, needs
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings

Status = Literal["pending", "processing", "delivered", "failed"]


class Waiting(msgspec.Struct):
    """Why a pending delivery waits, and until when; `until` is null if that is not known."""

    reason: str
    until: datetime | None


class Found(msgspec.Struct):
    """A delivery as a list shows it. `duration_ms` is its last attempt's."""

    id: UUID
    webhook_config_id: UUID
    endpoint: str
    endpoint_deleted: bool
    event_type: str
    status: str
    attempts: int
    max_attempts: int
    request_id: UUID
    created_at: datetime
    next_attempt_at: datetime
    last_attempt_at: datetime | None
    finished_at: datetime | None
    response_status: int | None
    error_message: str | None
    duration_ms: int | None
    waits_for: Waiting | None


class Attempt(msgspec.Struct):
    """One attempt. `response_excerpt`: the first 1,000 characters of the response. `response_headers`: at most 4 KB."""

    number: int
    started_at: datetime
    duration_ms: int
    delivered: bool
    response_status: int | None
    response_headers: dict[str, str] | None
    response_excerpt: str | None
    error: str | None


class Entry(msgspec.Struct):
    """A line of a delivery's timeline."""

    at: datetime
    kind: str
    text: str


class Receiver(msgspec.Struct):
    """The endpoint of a delivery."""

    id: UUID
    name: str
    url: str
    is_active: bool
    deleted_at: datetime | None
    max_attempts: int


class Delivery(msgspec.Struct):
    """All about one delivery. `body` is the payload as text, with every digit of its numbers."""

    id: UUID
    event_type: str
    status: str
    attempts: int
    request_id: UUID
    created_at: datetime
    next_attempt_at: datetime
    last_attempt_at: datetime | None
    finished_at: datetime | None
    response_status: int | None
    response_body: str | None
    error_message: str | None
    body: str
    endpoint: Receiver
    waits_for: Waiting | None
    attempt_log: list[Attempt]
    timeline: list[Entry]


class Retried(msgspec.Struct):
    """The delivery, which is due now."""

    delivery_id: FromPath[UUID]
    status: str
    attempts: int


class Selection(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Either a list of deliveries, or those that wait for their next attempt at one endpoint."""

    delivery_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=1000)] | None = None
    webhook_config_id: UUID | None = None
    at_most: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class RetriedMany(msgspec.Struct):
    """How many are due now; `more`: at_most was reached, so call it again."""

    retried: int
    more: bool


class Replay(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Which deliveries. `dry_run` (the default) counts them and does nothing."""

    webhook_config_id: UUID | None = None
    event_type: str | None = None
    status: Literal["failed", "delivered"] = "failed"
    created_from: datetime | None = None
    created_until: datetime | None = None
    dry_run: bool = True
    at_most: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000
    cursor: str | None = None


class Replayed(msgspec.Struct):
    """How many match (`matching`, counted up to 100,000) or were made due again (`replayed`).

    Continue with `cursor` and the same `created_until` until `next_cursor` is null.
    """

    matching: int | None
    replayed: int
    created_until: datetime
    next_cursor: str | None


@get(
    "/deliveries",
    summary="Search deliveries, newest first",
    operation_id="listDeliveries",
    responses=RESPONSES,
    **needs(Scope.READ),
)
async def index(  # noqa: PLR0913, PLR0917 - each is a filter
    caller: NamedDependency[Admin],
    event_type: FromQuery[str | None] = None,
    status: FromQuery[Literal["pending", "processing", "delivered", "failed", "unfinished"] | None] = None,
    webhook_config_id: FromQuery[UUID | None] = None,
    created_from: FromQuery[datetime | None] = None,
    created_until: FromQuery[datetime | None] = None,
    request_id: FromQuery[UUID | None] = None,
    payload_path: Annotated[str | None, QueryParameter(description="A dotted path, such as data.community_id")] = None,
    payload_value: Annotated[
        str | None, QueryParameter(description="Its value as text; omit it to require only that the field exists")
    ] = None,
    response_status: Annotated[int | None, QueryParameter(ge=100, le=599, description="Of the last response")] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = 50,
) -> Page[Found]:
    """Return a page. For a rare search it may be short or empty and still have a cursor: 20,000 rows were searched."""
    filters: dict[str, Any] = {
        "event_type": event_type, "status": status, "webhook_config_id": webhook_config_id, "request_id": request_id,
        "created_from": created_from, "created_until": created_until, "payload_path": payload_path,
        "payload_value": payload_value, "response_status": response_status,
    }  # fmt: skip
    given = msgspec.to_builtins({name: value for name, value in filters.items() if value is not None})
    before = decode(cursor, "before_created_at", "before_id")
    found = await caller.call("search_webhook_deliveries", **given, **before, page_size=limit)
    return Page(msgspec.convert(found["deliveries"], list[Found]), encode(found["next"]))


@get(
    "/deliveries/{delivery_id:uuid}",
    summary="Read a delivery",
    operation_id="getDelivery",
    responses=RESPONSES,
    **needs(Scope.READ),
)
async def show(caller: NamedDependency[Admin], delivery_id: FromPath[UUID]) -> Delivery:
    """Return a delivery with its attempts and its timeline."""
    return msgspec.convert(await caller.call("get_webhook_delivery", delivery_id=str(delivery_id)), Delivery)


@get(
    "/deliveries/{delivery_id:uuid}/attempts",
    summary="List a delivery's attempts",
    operation_id="listAttempts",
    responses=RESPONSES,
    **needs(Scope.READ),
)
async def attempts(caller: NamedDependency[Admin], delivery_id: FromPath[UUID]) -> Page[Attempt]:
    """Return its attempts, oldest first. There is never more than one page."""
    delivery = await caller.call("get_webhook_delivery", delivery_id=str(delivery_id))
    return Page(msgspec.convert(delivery["attempt_log"], list[Attempt]), None)


@post(
    "/deliveries/{delivery_id:uuid}/retry",
    summary="Retry a delivery",
    operation_id="retryDelivery",
    responses=RESPONSES,
    status_code=HTTP_202_ACCEPTED,
    response_headers=[IDEMPOTENCY],
    **needs(Scope.MANAGE),
)
async def retry(
    caller: NamedDependency[Admin],
    broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
    delivery_id: FromPath[UUID],
    idempotency_key: Key = None,
) -> Response[Retried]:
    """Make it due now: a failed delivery gets one more attempt, a delivered one is sent again."""
    response = await write(
        caller, "retry", Retried, idempotency_key, status=HTTP_202_ACCEPTED, delivery_id=str(delivery_id)
    )
    await wake(broker, settings)
    return response


SELECTIONS = [
    Example(summary="A selection", value={"delivery_ids": ["6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11"]}),
    Example(summary="An endpoint's", value={"webhook_config_id": "0d9f6f2e-52a7-4a53-8a57-0f3f9b5e8c21"}),
]


@post(
    "/deliveries/retry",
    summary="Retry deliveries",
    operation_id="retryDeliveries",
    responses=RESPONSES,
    status_code=HTTP_202_ACCEPTED,
    response_headers=[IDEMPOTENCY],
    **needs(Scope.MANAGE),
)
async def retry_many(
    caller: NamedDependency[Admin],
    broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
    data: Annotated[Selection, Body(examples=SELECTIONS)],
    idempotency_key: Key = None,
) -> Response[RetriedMany]:
    """Make the selected deliveries due now, or those that wait for their next attempt at an endpoint.

    Deliveries of inactive endpoints, and those that are being sent, are not changed.
    """
    arguments = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not None}
    response = await write(
        caller, "retry_many", RetriedMany, idempotency_key, status=HTTP_202_ACCEPTED, **msgspec.to_builtins(arguments)
    )
    await wake(broker, settings, response.content.retried)
    return response


class Chosen(msgspec.Struct, forbid_unknown_fields=True):
    """Some deliveries."""

    delivery_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=1000)]


class Skipped(msgspec.Struct):
    """How many failed without being sent."""

    skipped: int


@post(
    "/deliveries/skip",
    summary="Skip deliveries",
    operation_id="skipDeliveries",
    responses=RESPONSES,
    status_code=HTTP_200_OK,
    response_headers=[IDEMPOTENCY],
    **needs(Scope.MANAGE),
)
async def skip_many(
    caller: NamedDependency[Admin],
    data: Annotated[Chosen, Body(examples=[Example(value=SELECTIONS[0].value)])],
    idempotency_key: Key = None,
) -> Response[Skipped]:
    """End the selected pending deliveries without sending them: they fail, with "skipped by" and you.

    Those that are being sent or are finished are not changed. A skipped delivery can be retried.
    """
    ids = [str(delivery_id) for delivery_id in data.delivery_ids]
    return await write(caller, "skip_many", Skipped, idempotency_key, status=HTTP_200_OK, delivery_ids=ids)


REPLAY = {"status": "failed", "created_from": "2026-01-29T12:00:00Z", "dry_run": True}


@post(
    "/replay",
    summary="Replay deliveries",
    operation_id="replayDeliveries",
    responses=RESPONSES,
    status_code=HTTP_200_OK,
    response_headers=[IDEMPOTENCY],
    **needs(Scope.MANAGE),
)
async def replay(
    caller: NamedDependency[Admin],
    broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
    data: Annotated[Replay, Body(examples=[Example(value=REPLAY)])],
    idempotency_key: Key = None,
) -> Response[Replayed]:
    """Count deliveries, or make them due again, oldest first.

    Each keeps its `webhook-id`: a receiver that has already handled it, and deduplicates, ignores it.
    """
    arguments = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not None}
    arguments |= decode(arguments.pop("cursor", None), "after_created_at", "after_id")
    made = await caller.write("replay", idempotency_key, **msgspec.to_builtins(arguments))
    if made["replayed"]:
        await wake(broker, settings, made["replayed"])
    response = msgspec.convert({**made, "next_cursor": encode(made["next"])}, Replayed)
    return Response(response, headers={"Idempotent-Replayed": "true"} if made.get("repeated") else {})


ROUTES = [index, show, attempts, retry, retry_many, skip_many, replay]
