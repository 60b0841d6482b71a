"""Sign-in with Supabase Auth, by e-mail and password; whether the user is an admin, the database says."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST, HTTP_403_FORBIDDEN

from gateway.dashboard.errors import SIGN_IN
from gateway.dashboard.forms import text
from gateway.dashboard.page import go, page
from gateway.session import keep
from gateway.supabase import SignedOut, Supabase
from webhooks.errors import StoreError

#: Where a sign-in may lead: a page of ours. "//host" and "/\\host" are other hosts to a browser.
OUR_PAGE = re.compile(r"/(?![/\\])[\w/?&=.%+-]*", re.ASCII)


@get(SIGN_IN)
async def form(request: Request[Any, Any, Any]) -> Template:
    """Show the form."""
    return page(request, "sign_in.html", next=_next(request.query_params.get("next")), email="", problem=None)


@post(SIGN_IN, status_code=HTTP_200_OK)
async def sign_in(request: Request[Any, Any, Any], supabase: NamedDependency[Supabase]) -> Template | Redirect:
    """Ask Supabase Auth, then the database."""
    fields = await request.form()
    email, after = text(fields, "email") or "", _next(fields.get("next"))
    try:
        tokens = await supabase.sign_in(email, str(fields.get("password") or ""))
    except SignedOut:
        problem = "E-mail address or password is wrong."
        return page(request, "sign_in.html", status=HTTP_400_BAD_REQUEST, next=after, email=email, problem=problem)
    if await supabase.call(tokens.access_token, "is_webhook_admin") is not True:
        with contextlib.suppress(StoreError):
            await supabase.sign_out(tokens.access_token)
        problem = "This account is not a webhook admin."
        return page(request, "sign_in.html", status=HTTP_403_FORBIDDEN, next=after, email=email, problem=problem)
    keep(request, tokens)
    return go(request, after)


@post("/sign-out", status_code=HTTP_200_OK)
async def sign_out(request: Request[Any, Any, Any], supabase: NamedDependency[Supabase]) -> Redirect:
    """Forget the tokens, here and at Supabase."""
    tokens = request.session.get("tokens") or {}
    request.clear_session()
    if tokens:
        # signed out here, whatever Supabase says
        with contextlib.suppress(StoreError):
            await supabase.sign_out(tokens["access_token"])
    return go(request, SIGN_IN)


def _next(path: str | None) -> str:
    return path if path and OUR_PAGE.fullmatch(path) else "/"


ROUTES = [form, sign_in, sign_out]
