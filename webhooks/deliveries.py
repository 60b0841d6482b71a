"""The values that store, worker and adapters exchange."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec resolves it at run time
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Characters of a response that are kept: enough to recognize an error page, few enough for a row.
EXCERPT_CHARACTERS = 1000


#: Seconds at the end of a bounded drain in which nothing is attempted: results are recorded, and the caller gets its
#: response.
RECORDING_SECONDS = 2


#: What an attempt says about the endpoint's health: it is up, it is down, or (None) nothing.
Health = Literal["answered", "failed"]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker needs to know of an endpoint, as webhooks.endpoint_settings gives it.

    `secrets`: each signs, the newest first. `circuit`: closed or half_open, at the claim. `limited`: whether more may
    be claimed once this delivery is settled. `public_only`: it is a tenant's, and the worker's allowed networks are not
    for it. None means: use the worker's setting.
    """

    id: str
    url: str
    secrets: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    credentials_profile: str | None = None
    timeout_seconds: float | None = None
    circuit: str = "closed"
    limited: bool = False
    circuit_failure_threshold: int | None = None
    public_only: bool = False

    def __repr__(self) -> str:
        # without secrets and headers: it may be logged
        return f"Endpoint(id={self.id!r})"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed delivery: all that a worker needs to attempt it. `body` is compact JSON, as it is sent."""

    id: str
    event_type: str
    attempt: int
    endpoint: Endpoint
    body: str
    lease_id: str

    def __repr__(self) -> str:
        # without the body, which is users' data
        return f"Delivery(id={self.id!r}, event_type={self.event_type!r}, attempt={self.attempt})"


class Claimed(NamedTuple):
    """What a claim returned.

    `due_in_seconds`: when another one may find more, if nothing is announced; None: never. `unchecked_urls`: whether
    the URL of an endpoint is to be checked.
    """

    deliveries: list[Delivery]
    due_in_seconds: float | None
    unchecked_urls: bool = False


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter sends: the body's bytes and the headers (`Content-Type`, `webhook-id`, ...)."""

    delivery_id: str
    endpoint_id: str
    body: bytes
    headers: dict[str, str]


class Receipt(msgspec.Struct, frozen=True):
    """A destination's response to a delivery that it accepted; for a queue, the broker's acknowledgment."""

    status: int | None = None
    excerpt: str | None = None
    headers: dict[str, str] | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one attempt, as record_webhook_attempts takes it. Durations in milliseconds."""

    delivery_id: str
    #: for the worker alone: the database knows it
    endpoint_id: str = ""
    lease_id: str
    attempt: int
    started_at: datetime
    duration_ms: int
    delivered: bool
    permanent: bool = False
    health: Health | None = None
    retry_after_seconds: float | None = None
    response_status: int | None = None
    response_headers: dict[str, str] | None = None
    response_excerpt: str | None = None
    error: str | None = None
    disable_reason: str | None = None
    #: whether the worker's setup is at fault: such an attempt does not count
    setup: bool = False


class Recorded(msgspec.Struct, frozen=True):
    """The outcome of a recorded attempt. `due_in_seconds` says when a pending delivery is due again."""

    delivery_id: str
    status: str
    due_in_seconds: float
    accepted: bool


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """A drain's results, in deliveries: `pending` ones are retried later, `released` ones were not attempted."""

    claimed: int
    delivered: int
    failed: int
    pending: int
    released: int


class UrlCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The check of an endpoint's URL: as claimed, and with the `warning` that it found."""

    id: str
    url: str
    credentials_profile: str | None = None
    public_only: bool = False
    warning: str | None = None


def field(body: bytes, path: str) -> str | None:
    """Return a payload field as text, found by its dotted path (`actor_user_id`, `data.community_id`), or None.

    Raise DeliveryError for a payload that is nested too deep.
    """
    try:
        value = exact.decode(body)
    except ValueError as exc:
        raise DeliveryError(f"the payload's field {path} cannot be read: {exc}", permanent=True, health=None) from None
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None or isinstance(value, str):
        return value
    return exact.encode(value)


def merged(*layers: Mapping[str, str]) -> dict[str, str]:
    """Return all headers; a later one replaces an earlier one of the same name, ignoring case."""
    headers = {name: value for layer in layers for name, value in layer.items()}
    if _distinct(tuple(headers)):
        return headers
    return dict({name.lower(): (name, value) for layer in layers for name, value in layer.items()}.values())


@lru_cache(maxsize=1000)  # an endpoint's names are the same for each of its deliveries
def _distinct(names: tuple[str, ...]) -> bool:
    return len({name.lower() for name in names}) == len(names)


def excerpt(text: str) -> str:
    """Return the start of a response in a form that JSON and Postgres can keep: no NUL, no half of a character."""
    kept = text[:EXCERPT_CHARACTERS].replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return kept.encode("utf-8", errors="replace").decode()
