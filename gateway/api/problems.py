"""Errors as application/problem+json (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import ResponseHeader
from litestar.exceptions import HTTPException, NotFoundException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from supabase_webhooks.gateway.errors import UNREADABLE, refusal_status, unreadable
from supabase_webhooks.gateway.supabase import SignedOut
from supabase_webhooks.webhooks.errors import QueueUnavailable, StoreError, StoreUnavailable

if TYPE_CHECKING:
    from litestar.types import ExceptionHandlersMap

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, omit_defaults=True):
    """What went wrong: `title` names the kind of error, `detail` describes this occurrence."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: list[dict[str, Any]] = []


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response[Problem]:  # noqa: ANN401 - Problem's own fields
    """Return a response with a problem."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, **more)
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers or {})


def _signed_out(_: Request[Any, Any, Any], exc: SignedOut) -> Response[Problem]:
    return problem(HTTPStatus.UNAUTHORIZED, str(exc), {"WWW-Authenticate": "Bearer"})


def _unavailable(_: Request[Any, Any, Any], exc: StoreUnavailable | QueueUnavailable) -> Response[Problem]:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{exc}; nothing is lost", {"Retry-After": "5"})


def _refused(_: Request[Any, Any, Any], exc: StoreError) -> Response[Problem]:
    return problem(refusal_status(exc), str(exc))


def _invalid(_: Request[Any, Any, Any], exc: ValidationException) -> Response[Problem]:
    errors = [e for e in exc.extra or [] if isinstance(e, dict)] if isinstance(exc.extra, list) else []
    return problem(exc.status_code, exc.detail, errors=errors)


def _unreadable(_: Request[Any, Any, Any], exc: Exception) -> Response[Problem]:
    return problem(HTTPStatus.BAD_REQUEST, unreadable(exc))


def _http(_: Request[Any, Any, Any], exc: HTTPException) -> Response[Problem]:
    return problem(exc.status_code, exc.detail, dict(exc.headers or {}))


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    SignedOut: _signed_out,
    StoreUnavailable: _unavailable,
    QueueUnavailable: _unavailable,
    StoreError: _refused,
    ValidationException: _invalid,
    HTTPException: _http,
    # the application has its own for it, which would come before that of its parent class
    NotFoundException: _http,
    **dict.fromkeys(UNREADABLE, _unreadable),
}

_EXAMPLES = {
    400: "an endpoint needs a name of at most 200 characters",
    401: "send the header Authorization: Bearer <token>",
    403: "only webhook admins can do this (To add an admin, run: webhooks admins add EMAIL.)",
    404: "webhook endpoint 6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11 does not exist",
    409: 'webhook endpoint "CRM" has changed since you read it',
    422: "this idempotency key was used for another request",
    429: "too many wrong API tokens from your address; try again in 15 minutes",
    502: "Could not find the function; are the migrations of supabase/migrations applied?",
    503: "Supabase did not respond (ConnectTimeout); nothing is lost",
}

#: The errors that every route may return, for OpenAPI.
RESPONSES = {
    status: ResponseSpec(
        Problem,
        description=HTTPStatus(status).phrase,
        media_type=MEDIA_TYPE,
        generate_examples=False,
        examples=[Example(value={"title": HTTPStatus(status).phrase, "status": status, "detail": detail})],
    )
    for status, detail in _EXAMPLES.items()
}

#: In OpenAPI, for every write.
IDEMPOTENCY = ResponseHeader(
    name="Idempotent-Replayed",
    value="true",
    documentation_only=True,
    description="The response is that of an earlier request",
)
