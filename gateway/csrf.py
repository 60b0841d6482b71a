"""Forms come from our own pages: the browser says so, and each carries its session's token."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Any

from litestar.exceptions import PermissionDeniedException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar import Request

#: The hidden field of each form, and the token's name in the session.
FIELD, KEPT = "_csrf_token", "csrf_token"

#: Methods that change nothing (RFC 9110, section 9.2.1).
SAFE = {"GET", "HEAD", "OPTIONS"}


class ForeignForm(PermissionDeniedException):
    """Raised when a form comes from another site's page."""


class OldForm(PermissionDeniedException):
    """Raised when a form's token is not its session's: from before a sign-in or sign-out, or forged."""


async def check_form(request: Request[Any, Any, Any]) -> None:
    """Run before each request of a page. Raises ForeignForm or OldForm."""
    if request.method in SAFE:
        return
    if not same_origin(request.headers):
        raise ForeignForm
    given, kept = (await request.form()).get(FIELD), request.session.get(KEPT)
    if not (isinstance(given, str) and kept and hmac.compare_digest(given.encode(), kept.encode())):
        raise OldForm


def same_origin(headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from a page of the same origin, from a person, or from a client without pages.

    As Go's http.CrossOriginProtection: browsers send Sec-Fetch-Site to https and to localhost, and Origin elsewhere.
    """
    if site := headers.get("sec-fetch-site"):
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def csrf_token(context: Mapping[str, Any], /) -> str:
    """Return the session's token, for a template. A new session gets a new one."""
    return str(context["request"].session.setdefault(KEPT, secrets.token_hex(32)))
