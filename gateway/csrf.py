"""Forms come from our own pages: the browser says so, and each carries its session's token."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING, Any, cast

import msgspec
from litestar.exceptions import PermissionDeniedException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar import Request

#: The hidden field of each form, and the token's name in the session.
FIELD, KEPT = "_csrf_token", "csrf_token"

#: The field of a form whose input was kept while the person signed in: it is shown again, and nothing is done.
RESTORED = "_restored"

#: Forms whose input is kept: those that people write something into, and that show it again.
KEEPING = re.compile(r"/endpoints(/[0-9a-f-]{36})?|/events/dispatch")

#: Where a request's scope has it.
INPUT = "webhooks.input"

#: Methods that change nothing (RFC 9110, section 9.2.1).
SAFE = {"GET", "HEAD", "OPTIONS"}


class Input(msgspec.Struct, frozen=True):
    """What someone wrote into a form: its address, and its fields in their order."""

    path: str
    fields: list[list[str]]


def given_input(request: Request[Any, Any, Any]) -> Input | None:
    """Return what a request's form contains, if its input is kept."""
    return cast("dict[str, Any]", request.scope).get(INPUT)


def kept_input(text: object) -> Input | None:
    """Return the input in a field of the sign-in's form; None for anything else."""
    try:
        found = msgspec.json.decode(str(text), type=Input)
    except (msgspec.DecodeError, UnicodeError):
        return None
    pairs = all(len(field) == 2 for field in found.fields)  # noqa: PLR2004 - name and value
    return found if pairs and KEEPING.fullmatch(found.path) else None


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
    form = await request.form()
    written = [[name, value] for name, value in form.multi_items() if name not in {FIELD, RESTORED}]
    if KEEPING.fullmatch(request.scope["path"]) and written and all(isinstance(value, str) for _, value in written):
        cast("dict[str, Any]", request.scope)[INPUT] = Input(request.scope["path"], written)
    given, kept = form.get(FIELD), request.session.get(KEPT)
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
