"""Endpoints: list, read, create, change, delete, rotate the secret, send a test."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, FromQuery, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED

from supabase_webhooks.gateway.api.pages import Page, decode, encode
from supabase_webhooks.gateway.api.problems import IDEMPOTENCY, RESPONSES
from supabase_webhooks.gateway.api.write import Key, write
from supabase_webhooks.gateway.dashboard.page import wake
from supabase_webhooks.gateway.deletion import delete_endpoint
from supabase_webhooks.gateway.scopes import Scope, needs
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings


class Circuit(msgspec.Struct):
    """Whether deliveries go out (closed), wait (open), or one probes the endpoint (half_open)."""

    state: Literal["closed", "open", "half_open"]
    since: datetime
    open_until: datetime | None
    consecutive_failures: int
    failing_since: datetime | None
    paused_until: datetime | None


class Counts(msgspec.Struct):
    """Deliveries created in the last hour, by their current status; pending includes processing."""

    total: int
    delivered: int
    failed: int
    pending: int


class Health(msgspec.Struct):
    """An endpoint's health, and its attempts of the last 24 hours, by hours of the clock, the oldest first.

    `status`: failing, when its circuit is not closed or nothing was delivered since failures began; paused by a person;
    disabled by the system. `since` and `reason`: of failing and disabled. Percentiles are estimates.
    """

    status: Literal["healthy", "failing", "paused", "disabled"]
    since: datetime | None
    reason: str | None
    attempts: int
    failed_attempts: int
    success_percent: float | None
    p50_ms: int | None
    p95_ms: int | None
    delivered_by_hour: list[int]
    failed_by_hour: list[int]


class Endpoint(msgspec.Struct):
    """An endpoint with its health, without its secret and the values of its headers.

    `url_warning`: the problem that a worker found when it connected to a new or changed URL, and how to fix it. It is
    removed when the URL changes or a delivery succeeds.
    `retry_schedule`: seconds to wait after each attempt; null: `max_attempts`, with waits that double, starting at 2 s.
    """

    id: UUID
    name: str
    url: str
    events: list[str]
    is_active: bool
    max_attempts: int
    retry_schedule: list[int] | None
    expires_after: str | None
    rate_limit_per_second: int | None
    max_concurrency: int | None
    timeout_seconds: float | None
    circuit_failure_threshold: int | None
    circuit_reset_seconds: int | None
    credentials_profile: str | None
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None
    disabled_reason: str | None
    url_checked_at: datetime | None
    url_warning: str | None
    has_secret: bool
    previous_secret_until: datetime | None
    header_names: list[str]
    health: Health
    circuit: Circuit
    waiting: int
    last_hour: Counts


#: A list of seconds, or a preset.
Schedule = Annotated[
    str | list[int],
    msgspec.Meta(
        description='Seconds to wait after each attempt: "standard" (ten attempts over three days), "quick" (three'
        " attempts over six seconds), or a list. The number of attempts is its length plus one. null:"
        " max_attempts. A new endpoint without either gets standard.",
        examples=["standard", "quick", [5, 300, 1800]],
    ),
]

#: An interval of Postgres.
Age = Annotated[
    str,
    msgspec.Meta(
        description="A delivery that is older fails as expired. null: never.", examples=["3 days", "12 hours"]
    ),
]


class Changes(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The settings; null clears a limit. Omitted settings are not changed.

    `updated_at`: as you read it; the change is rejected (409) if the endpoint has changed since.
    """

    name: str | msgspec.UnsetType = msgspec.UNSET
    url: str | msgspec.UnsetType = msgspec.UNSET
    events: list[str] | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET
    max_attempts: int | msgspec.UnsetType = msgspec.UNSET
    retry_schedule: Schedule | msgspec.UnsetType | None = msgspec.UNSET
    expires_after: Age | msgspec.UnsetType | None = msgspec.UNSET
    rate_limit_per_second: int | msgspec.UnsetType | None = msgspec.UNSET
    max_concurrency: int | msgspec.UnsetType | None = msgspec.UNSET
    timeout_seconds: float | msgspec.UnsetType | None = msgspec.UNSET
    headers: dict[str, str] | msgspec.UnsetType | None = msgspec.UNSET
    circuit_failure_threshold: int | msgspec.UnsetType | None = msgspec.UNSET
    circuit_reset_seconds: int | msgspec.UnsetType | None = msgspec.UNSET
    credentials_profile: str | msgspec.UnsetType | None = msgspec.UNSET
    updated_at: str | msgspec.UnsetType = msgspec.UNSET


class Rotation(msgspec.Struct, forbid_unknown_fields=True):
    """How long the old secret keeps signing, in seconds."""

    overlap_seconds: Annotated[int, msgspec.Meta(ge=0, le=30 * 86_400)] = 86_400


class Made(msgspec.Struct, omit_defaults=True):
    """The endpoint's id, and its secret, which is returned only once."""

    id: UUID
    secret_key: str | None = None
    previous_until: datetime | None = None


class Ended(msgspec.Struct):
    """How many previous secrets have stopped signing."""

    id: UUID
    ended: int


class Deleted(msgspec.Struct):
    """How many deliveries were deleted with the endpoint or, where history is kept, marked as failed.

    `more`: the endpoint is disabled and there are further deliveries; repeat the request.
    """

    id: UUID
    deliveries: int
    more: bool


class TestMade(msgspec.Struct):
    """The test delivery; read it to see its result."""

    delivery_id: FromPath[UUID]
    request_id: UUID


NEW = {"name": "n8n", "url": "https://n8n.example.com/webhook/abc", "events": ["user.*"], "retry_schedule": "standard",
       "expires_after": "7 days"}  # fmt: skip


@get(
    "/endpoints",
    summary="List endpoints by name",
    operation_id="listEndpoints",
    responses=RESPONSES,
    **needs(Scope.READ),
)
async def index(
    caller: NamedDependency[Admin],
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = 50,
) -> Page[Endpoint]:
    """Return a page of endpoints with their health."""
    after = decode(cursor, "after_name", "after_id")
    rows = await caller.call("list_webhook_endpoints", **after, page_size=limit)
    last = rows[-1] if len(rows) == limit else None
    following = None if last is None else {"after_name": last["name"], "after_id": last["id"]}
    return Page(msgspec.convert(rows, list[Endpoint]), encode(following))


@get(
    "/endpoints/{endpoint_id:uuid}",
    summary="Read an endpoint",
    operation_id="getEndpoint",
    responses=RESPONSES,
    **needs(Scope.READ),
)
async def show(caller: NamedDependency[Admin], endpoint_id: FromPath[UUID]) -> Endpoint:
    """Return one endpoint with its health."""
    rows = await caller.call("list_webhook_endpoints", webhook_config_id=str(endpoint_id))
    if not rows:
        raise NotFoundException(f"webhook endpoint {endpoint_id} does not exist")
    return msgspec.convert(rows[0], Endpoint)


@post(
    "/endpoints",
    summary="Create an endpoint",
    operation_id="createEndpoint",
    responses=RESPONSES,
    status_code=HTTP_201_CREATED,
    response_headers=[IDEMPOTENCY],
    **needs(Scope.MANAGE),
)
async def create(
    caller: NamedDependency[Admin],
    data: Annotated[Changes, Body(examples=[Example(value=NEW)])],
    idempotency_key: Key = None,
) -> Response[Made]:
    """Create an endpoint. The response contains its secret, which is returned only once. Needs name, url and events."""
    settings = _given(data)
    return await write(caller, "create_endpoint", Made, idempotency_key, status=HTTP_201_CREATED, settings=settings)


@patch(
    "/endpoints/{endpoint_id:uuid}",
    summary="Change an endpoint",
    operation_id="updateEndpoint",
    responses=RESPONSES,
    response_headers=[IDEMPOTENCY],
    **needs(Scope.MANAGE),
)
async def update(
    caller: NamedDependency[Admin],
    endpoint_id: FromPath[UUID],
    data: Annotated[Changes, Body(examples=[Example(value={"is_active": False})])],
    idempotency_key: Key = None,
) -> Response[Made]:
    """Change the given settings. `{"is_active": false}` pauses the endpoint: its deliveries are held."""
    return await write(
        caller, "update_endpoint", Made, idempotency_key, status=HTTP_200_OK,
        webhook_config_id=str(endpoint_id), changes=_given(data),
    )  # fmt: skip


@delete(
    "/endpoints/{endpoint_id:uuid}",
    summary="Delete an endpoint",
    operation_id="deleteEndpoint",
    responses=RESPONSES,
    status_code=HTTP_200_OK,
    **needs(Scope.MANAGE),
)
async def remove(
    caller: NamedDependency[Admin], endpoint_id: FromPath[UUID], history: FromQuery[Literal["keep", "delete"]] = "keep"
) -> Response[Deleted]:
    """Delete an endpoint. Its history stays readable, unless it is deleted too: `history=delete`.

    It is disabled at once. With many deliveries the response is 202 and `more` is true: repeat the request until it is
    200.
    """
    done = await delete_endpoint(caller, endpoint_id, keep_history=history == "keep")
    return Response(msgspec.convert(done, Deleted), status_code=HTTP_202_ACCEPTED if done["more"] else HTTP_200_OK)


@post(
    "/endpoints/{endpoint_id:uuid}/rotate-secret",
    summary="Rotate an endpoint's secret",
    operation_id="rotateSecret",
    responses=RESPONSES,
    status_code=HTTP_200_OK,
    response_headers=[IDEMPOTENCY],
    **needs(Scope.MANAGE),
)
async def rotate(
    caller: NamedDependency[Admin],
    endpoint_id: FromPath[UUID],
    data: Annotated[Rotation, Body(examples=[Example(value={"overlap_seconds": 86_400})])],
    idempotency_key: Key = None,
) -> Response[Made]:
    """Return a new secret, which is returned only once. Both secrets sign until `previous_until`.

    The header `webhook-signature` has a signature of each. `X-Webhook-Signature` has room for one: it keeps the old
    secret until then, or until you end the overlap.
    """
    return await write(
        caller, "rotate_secret", Made, idempotency_key, status=HTTP_200_OK,
        webhook_config_id=str(endpoint_id), overlap_seconds=data.overlap_seconds,
    )  # fmt: skip


@post(
    "/endpoints/{endpoint_id:uuid}/end-secret-overlap",
    summary="End the overlap of a rotation",
    operation_id="endSecretOverlap",
    responses=RESPONSES,
    status_code=HTTP_200_OK,
    response_headers=[IDEMPOTENCY],
    **needs(Scope.MANAGE),
)
async def end_overlap(
    caller: NamedDependency[Admin], endpoint_id: FromPath[UUID], idempotency_key: Key = None
) -> Response[Ended]:
    """Sign with the new secret only from now on, also in `X-Webhook-Signature`."""
    return await write(
        caller, "end_secret_overlap", Ended, idempotency_key, status=HTTP_200_OK, webhook_config_id=str(endpoint_id)
    )


@post(
    "/endpoints/{endpoint_id:uuid}/test",
    summary="Send a test to an endpoint",
    operation_id="testEndpoint",
    responses=RESPONSES,
    status_code=HTTP_202_ACCEPTED,
    response_headers=[IDEMPOTENCY],
    **needs(Scope.MANAGE),
)
async def send_test(  # noqa: PLR0913, PLR0917 - each is of the request or the application
    caller: NamedDependency[Admin],
    broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
    endpoint_id: FromPath[UUID],
    event_type: FromQuery[str | None] = None,
    idempotency_key: Key = None,
) -> Response[TestMade]:
    """Create a delivery of the event webhook.test, or of an event type's example, which is sent like any other."""
    response = await write(
        caller, "send_test", TestMade, idempotency_key, status=HTTP_202_ACCEPTED,
        webhook_config_id=str(endpoint_id), event_type=event_type,
    )  # fmt: skip
    await wake(broker, settings)
    return response


def _given(changes: Changes) -> dict[str, Any]:
    return dict(msgspec.to_builtins(changes))


ROUTES = [index, show, create, update, remove, rotate, end_overlap, send_test]
