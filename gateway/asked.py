"""What a browser asked for before it left for its mail or a provider: kept in a cookie of its own, encrypted.

It has the PKCE verifier, so that only this browser can finish what it began, and where the sign-in leads.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from litestar.datastructures import Cookie
from litestar.exceptions import SerializationException

from supabase_webhooks.gateway.security import is_https
from supabase_webhooks.gateway.session import sealed

if TYPE_CHECKING:
    from litestar import Request, Response
    from litestar.middleware.session.client_side import ClientSideSessionBackend

    from supabase_webhooks.webhooks.settings import Settings

#: Seconds: as long as a link of Supabase Auth is good, unless the project says otherwise.
SECONDS = 3600

R = TypeVar("R", bound="Response[Any]")


class Asked(msgspec.Struct, frozen=True):
    """A sign-in in progress: the page that it leads to, and the input of a form that waits for it."""

    verifier: str
    page: str
    kept: str | None = None


def remember(request: Request[Any, Any, Any], settings: Settings, asked: Asked, response: R) -> R:
    """Return the response, with the cookie. Input that does not fit into one cookie is left out."""
    backend = _backend(request, settings)
    chunks = backend.dump_data(msgspec.to_builtins(asked))
    if len(chunks) > 1:
        chunks = backend.dump_data(msgspec.to_builtins(msgspec.structs.replace(asked, kept=None)))
    return _set(backend, response, chunks[0].decode(), SECONDS)


def remembered(request: Request[Any, Any, Any], settings: Settings) -> Asked | None:
    """Return what this browser asked for within the last hour; None if that is nothing, or not from this gateway."""
    backend = _backend(request, settings)
    value = request.cookies.get(backend.config.key, "")
    # whatever someone has written into it
    with contextlib.suppress(InvalidTag, ValueError, KeyError, TypeError, SerializationException):
        return msgspec.convert(backend.load_data([value.encode()]), Asked)
    return None


def forget(request: Request[Any, Any, Any], settings: Settings, response: R) -> R:
    """Return the response, with the cookie deleted if there is one."""
    backend = _backend(request, settings)
    return _set(backend, response, "", 0) if backend.config.key in request.cookies else response


def _backend(request: Request[Any, Any, Any], settings: Settings) -> ClientSideSessionBackend:
    return sealed(settings, "sign_in", SECONDS, secure=is_https(request.scope), root=request.scope["root_path"])


def _set(backend: ClientSideSessionBackend, response: R, value: str, seconds: int) -> R:
    config = backend.config
    response.set_cookie(
        Cookie(
            key=config.key, value=value, max_age=seconds, path=config.path, secure=config.secure, httponly=True,
            samesite="lax",
        )
    )  # fmt: skip
    return response
