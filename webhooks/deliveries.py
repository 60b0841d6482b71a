"""The values that travel between store, worker and adapters."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec resolves it at run time

import msgspec

#: Characters of a response that are kept; enough to recognise an error page, small enough for a row.
EXCERPT_CHARACTERS = 1000


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed delivery: all that a worker needs to attempt it. `body` is compact JSON, as it is sent."""

    id: str
    webhook_config_id: str
    event_type: str
    attempt: int
    url: str
    secret_key: str | None
    body: str
    lease_id: str

    def __repr__(self) -> str:
        # without secret and body: this may be logged
        return f"Delivery(id={self.id!r}, event_type={self.event_type!r}, attempt={self.attempt})"


class Receipt(msgspec.Struct, frozen=True):
    """What a destination answered to a delivery that it accepted."""

    status: int | None = None
    excerpt: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one attempt, as record_webhook_attempts takes it. Durations in milliseconds."""

    delivery_id: str
    lease_id: str
    attempt: int
    started_at: datetime
    duration_ms: int
    delivered: bool
    permanent: bool = False
    retry_after_seconds: float | None = None
    response_status: int | None = None
    response_excerpt: str | None = None
    error: str | None = None
    disable_reason: str | None = None


class Recorded(msgspec.Struct, frozen=True):
    """What became of a recorded attempt. `due_in_seconds` says when a pending one is due again."""

    delivery_id: str
    status: str
    due_in_seconds: float
    accepted: bool


def compact(json_text: str) -> str:
    """Return JSON text without insignificant white space: numbers, escapes and key order stay as they are."""
    return msgspec.json.format(json_text, indent=-1)


def excerpt(text: str) -> str:
    """Return the start of a response in a form that Postgres can keep (it has no NUL character)."""
    return text[:EXCERPT_CHARACTERS].replace("\x00", "\N{REPLACEMENT CHARACTER}")
