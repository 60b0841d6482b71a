"""Domain errors as HTTP responses, in one place. Each says what is wrong; none contains a secret."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.status_codes import (
    HTTP_400_BAD_REQUEST,
    HTTP_403_FORBIDDEN,
    HTTP_404_NOT_FOUND,
    HTTP_409_CONFLICT,
    HTTP_422_UNPROCESSABLE_ENTITY,
    HTTP_502_BAD_GATEWAY,
    HTTP_503_SERVICE_UNAVAILABLE,
)

from supabase_webhooks.webhooks.errors import (
    QueueUnavailable,
    StoreError,
    StoreUnavailable,
    VersionError,
    WebhooksError,
)

if TYPE_CHECKING:
    from litestar.types import ExceptionHandlersMap, Scope

logger = logging.getLogger(__name__)

#: SQLSTATEs with which the database's functions reject a call: the caller's fault, not ours. PTnnn is
#: how PostgREST sets an HTTP status (its manual, "Errors").
#: The 22s that follow are values that are not a number, a date or a uuid.
REFUSALS = {
    "22023": HTTP_400_BAD_REQUEST,
    "22003": HTTP_400_BAD_REQUEST,
    "22007": HTTP_400_BAD_REQUEST,
    "22008": HTTP_400_BAD_REQUEST,
    "22009": HTTP_400_BAD_REQUEST,
    "22021": HTTP_400_BAD_REQUEST,
    "22P02": HTTP_400_BAD_REQUEST,
    "22P05": HTTP_400_BAD_REQUEST,
    "42501": HTTP_403_FORBIDDEN,
    "PT404": HTTP_404_NOT_FOUND,
    "PT409": HTTP_409_CONFLICT,
    "PT422": HTTP_422_UNPROCESSABLE_ENTITY,
}


def _response(status: int, detail: str, **extra: object) -> Response[dict[str, Any]]:
    return Response({"status_code": status, "detail": detail, **extra}, status_code=status, media_type=MediaType.JSON)


def _queue_unavailable(_: Request[Any, Any, Any], exc: QueueUnavailable) -> Response[dict[str, Any]]:
    return _response(HTTP_503_SERVICE_UNAVAILABLE, f"{exc}; nothing is lost", unavailable=exc.service)


def _store_unavailable(_: Request[Any, Any, Any], exc: StoreUnavailable) -> Response[dict[str, Any]]:
    return _response(HTTP_503_SERVICE_UNAVAILABLE, f"{exc}; nothing is lost", unavailable="supabase")


def refusal_status(exc: StoreError) -> int:
    """Return the status code for a rejection; one that is not the caller's fault is logged."""
    if isinstance(exc, VersionError):
        return HTTP_503_SERVICE_UNAVAILABLE
    status = REFUSALS.get(exc.code or "", HTTP_502_BAD_GATEWAY)
    if status == HTTP_502_BAD_GATEWAY:
        logger.error("Supabase rejected the call: %s", exc)
    return status


def _store_error(_: Request[Any, Any, Any], exc: StoreError) -> Response[dict[str, Any]]:
    return _response(refusal_status(exc), str(exc))


#: What reading a request raises, here or in a library, when it is malformed: not UTF-8, or JSON nested too deeply.
UNREADABLE: dict[type[Exception], str] = {
    UnicodeError: "the request contains text that is not UTF-8",
    RecursionError: "the request's JSON is nested too deeply",
}


def unreadable(exc: Exception) -> str:
    """Return the error message for a request that cannot be read."""
    return next(text for kind, text in UNREADABLE.items() if isinstance(exc, kind))


def _unreadable(_: Request[Any, Any, Any], exc: Exception) -> Response[dict[str, Any]]:
    return _response(HTTP_400_BAD_REQUEST, unreadable(exc))


async def log_unexpected(exc: Exception, _: Scope) -> None:
    """Log an unexpected error with its traceback: the response says only "Internal Server Error"."""
    if not isinstance(exc, (HTTPException, WebhooksError, *UNREADABLE)):
        logger.error("unexpected error", exc_info=exc)


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    QueueUnavailable: _queue_unavailable,
    StoreUnavailable: _store_unavailable,
    StoreError: _store_error,
    **dict.fromkeys(UNREADABLE, _unreadable),
}
