"""Events: the catalog, and dispatching one."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body, FromQuery, QueryParameter
from litestar.status_codes import HTTP_202_ACCEPTED

from supabase_webhooks.gateway.api.pages import Page, decode, encode
from supabase_webhooks.gateway.api.problems import IDEMPOTENCY, RESPONSES
from supabase_webhooks.gateway.api.write import Key, write
from supabase_webhooks.gateway.dashboard.page import wake
from supabase_webhooks.gateway.scopes import Scope, needs
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings


class EventType(msgspec.Struct):
    """An event type of the catalog; an analytics event has only a destination."""

    name: str
    description: str
    data_schema: dict[str, Any] | None
    example: dict[str, Any] | None
    analytics_destination: str | None


class Event(msgspec.Struct, forbid_unknown_fields=True):
    """The event to dispatch. An admin is its actor; servers and API tokens may name any, and a tenant."""

    event_type: str
    event_data: dict[str, Any]
    actor_user_id: UUID | None = None
    tenant_id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None


class Dispatched(msgspec.Struct):
    """The event's id, and how many endpoints receive it."""

    request_id: UUID
    deliveries: int


EXAMPLE = {
    "event_type": "user.joined_community",
    "event_data": {
        "community_id": "0d9f6f2e-52a7-4a53-8a57-0f3f9b5e8c21",
        "community_name": "Book Club",
        "community_city": "Berlin",
    },
}


@get(
    "/events", summary="List the event catalog", operation_id="listEventTypes", responses=RESPONSES, **needs(Scope.READ)
)
async def index(
    caller: NamedDependency[Admin],
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
) -> Page[EventType]:
    """Return a page of event types by name."""
    await caller.call("webhook_admin_check")
    after = decode(cursor, "name")
    keyset = {"name": f"gt.{after['name']}"} if after else {}
    rows = await caller.rows("webhook_event_types", select="*", order="name", limit=str(limit), **keyset)
    last = rows[-1]["name"] if len(rows) == limit else None
    types = msgspec.convert(rows, list[EventType])
    for one in types:
        # as JSON text, so that no number is rounded
        one.data_schema, one.example = _raw(one.data_schema), _raw(one.example)
    return Page(types, encode({"name": last} if last else None))


def _raw(value: dict[str, Any] | None) -> Any:  # noqa: ANN401 - the encoder takes it for any type
    return value and msgspec.Raw(exact.encode(value).encode())


@post(
    "/events",
    summary="Dispatch an event",
    operation_id="dispatchEvent",
    responses=RESPONSES,
    status_code=HTTP_202_ACCEPTED,
    response_headers=[IDEMPOTENCY],
    **needs(Scope.DISPATCH),
)
async def dispatch(  # noqa: PLR0913, PLR0917 - Litestar injects each
    request: Request[Any, Any, Any],
    caller: NamedDependency[Admin],
    broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
    data: Annotated[Event, Body(examples=[Example(value=EXAMPLE)])],
    idempotency_key: Key = None,
) -> Response[Dispatched]:
    """Create a delivery for each active endpoint that subscribes."""
    # parsed again: Litestar's decoder rounds numbers
    given = exact.decode(await request.body())
    named = {name: value for name in ("actor_user_id", "tenant_id") if (value := getattr(data, name)) is not None}
    response = await write(
        caller, "dispatch", Dispatched, idempotency_key, status=HTTP_202_ACCEPTED, event_type=data.event_type,
        event_data=given["event_data"], **msgspec.to_builtins(named),
    )  # fmt: skip
    await wake(broker, settings, response.content.deliveries)
    return response


ROUTES = [index, dispatch]
