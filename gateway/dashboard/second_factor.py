"""The code of an authenticator app, after whichever first proof."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST, HTTP_429_TOO_MANY_REQUESTS

from supabase_webhooks.gateway.asked import forget
from supabase_webhooks.gateway.dashboard.admission import CODE, Onward, Pending, Rejected, admit, too_many, welcome
from supabase_webhooks.gateway.dashboard.errors import SIGN_IN
from supabase_webhooks.gateway.dashboard.forms import text
from supabase_webhooks.gateway.dashboard.page import go, page
from supabase_webhooks.gateway.supabase import SignedOut, Supabase
from supabase_webhooks.gateway.tries import Tries
from supabase_webhooks.webhooks.settings import Settings

#: Supabase Auth's status codes for a wrong or malformed code; for a session that has ended it returns 401 or 403.
WRONG_CODE = {"400", "422"}


@get(CODE)
async def code_form(request: Request[Any, Any, Any]) -> Template | Redirect:
    """Ask for the code."""
    pending = _pending(request)
    return code_page(request, kept=pending.kept) if pending else go(request, SIGN_IN)


@post(CODE, status_code=HTTP_200_OK)
async def code(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    supabase: NamedDependency[Supabase],
    tries: NamedDependency[Tries],
) -> Template | Redirect:
    """Have Supabase Auth verify the code, then ask the database."""
    pending = _pending(request)
    if pending is None:
        return go(request, SIGN_IN)
    fields = await request.form()
    kept = text(fields, "kept")
    if wait := await tries.count(request, pending.tokens.email):
        return code_page(request, too_many(wait), HTTP_429_TOO_MANY_REQUESTS, kept)
    given = "".join(str(fields.get("code") or "").split())
    for factor in pending.factors:
        try:
            tokens = await supabase.verify(pending.tokens, factor, given)
        except SignedOut as exc:
            if exc.code not in WRONG_CODE:
                request.set_session({})
                return go(request, SIGN_IN, "The sign-in took too long. Sign in again.", kind="error")
        else:
            try:
                await admit(request, supabase, tries, tokens)
            except Rejected as exc:
                request.set_session({})
                return go(request, SIGN_IN, str(exc), kind="error")
            return forget(request, settings, welcome(request, Onward(pending.after, kept)))
    return code_page(request, "The code is wrong or has expired.", HTTP_400_BAD_REQUEST, kept)


def code_page(
    request: Request[Any, Any, Any], problem: str | None = None, status: int = HTTP_200_OK, kept: str | None = None
) -> Template:
    """Return the page that asks for the code; input of a form goes along."""
    return page(request, "sign_in_code.html", status=status, problem=problem, kept=kept)


def _pending(request: Request[Any, Any, Any]) -> Pending | None:
    kept = request.session.get("pending")
    return msgspec.convert(kept, Pending) if kept else None


ROUTES = [code_form, code]
