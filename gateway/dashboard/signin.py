"""Sign-in with Supabase Auth: the page with every method that it offers, and the one by e-mail address and password."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST, HTTP_429_TOO_MANY_REQUESTS

from supabase_webhooks.gateway.asked import forget, remembered
from supabase_webhooks.gateway.dashboard.admission import (
    BUSY,
    CODE,
    NO_CAPTCHA,
    WRONG,
    Onward,
    Rejected,
    admit,
    end,
    onward_in,
    ours,
    second_factors,
    too_many,
    wait_for_code,
    welcome,
)
from supabase_webhooks.gateway.dashboard.errors import SIGN_IN
from supabase_webhooks.gateway.dashboard.forms import text
from supabase_webhooks.gateway.dashboard.page import go, page
from supabase_webhooks.gateway.dashboard.second_factor import code_page
from supabase_webhooks.gateway.methods import Methods, Offered
from supabase_webhooks.gateway.supabase import CAPTCHA, SignedOut, Supabase, Tokens
from supabase_webhooks.gateway.tries import Tries
from supabase_webhooks.webhooks.errors import StoreUnavailable
from supabase_webhooks.webhooks.settings import Settings


@get(SIGN_IN)
async def form(
    request: Request[Any, Any, Any], settings: NamedDependency[Settings], offered: NamedDependency[Offered]
) -> Template:
    """Show the form. Input that waits for a sign-in that this browser has left for still waits."""
    asked = remembered(request, settings)
    onward = Onward(ours(request.query_params.get("next")), asked.kept if asked else None)
    return sign_in_page(request, await offered.read(), None, onward)


@post("/sign-in/methods", status_code=HTTP_200_OK)
async def form_with_input(request: Request[Any, Any, Any], offered: NamedDependency[Offered]) -> Template:
    """Show every method to someone whose session ended before this gateway had read them; their input stays."""
    fields = await request.form()
    return sign_in_page(request, await offered.read(), None, onward_in(fields), email=text(fields, "email") or "")


@post(SIGN_IN, status_code=HTTP_200_OK)
async def sign_in(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    supabase: NamedDependency[Supabase],
    offered: NamedDependency[Offered],
    tries: NamedDependency[Tries],
) -> Template | Redirect:
    """Ask Supabase Auth, then for a code where the account has a second factor, then the database."""
    fields = await request.form()
    email, onward = text(fields, "email") or "", onward_in(fields)
    methods = await offered.read()
    if wait := await tries.count(request, email):
        return sign_in_page(request, methods, too_many(wait), onward, email=email, status=HTTP_429_TOO_MANY_REQUESTS)
    try:
        tokens, factors = await supabase.sign_in(email, str(fields.get("password") or ""))
        if apps := await second_factors(supabase, tokens, factors):
            # input that may be long stays in the page
            wait_for_code(request, tokens, apps, Onward(onward.page))
            return code_page(request, kept=onward.kept) if onward.kept else go(request, CODE)
        await admit(request, supabase, tries, tokens)
    except Rejected as exc:
        return sign_in_page(request, methods, str(exc) if exc.admin else WRONG, onward, email=email)
    except SignedOut as exc:
        return sign_in_page(request, methods, NO_CAPTCHA if exc.code == CAPTCHA else WRONG, onward, email=email)
    except StoreUnavailable as exc:
        if exc.code != str(HTTP_429_TOO_MANY_REQUESTS):
            raise
        return sign_in_page(request, methods, BUSY, onward, email=email, status=HTTP_429_TOO_MANY_REQUESTS)
    return forget(request, settings, welcome(request, onward))


@post("/sign-out", status_code=HTTP_200_OK)
async def sign_out(request: Request[Any, Any, Any], supabase: NamedDependency[Supabase]) -> Redirect:
    """Forget the tokens, here and at Supabase."""
    tokens = request.session.get("tokens")
    request.clear_session()
    if tokens:
        await end(supabase, msgspec.convert(tokens, Tokens))
    return go(request, SIGN_IN)


def sign_in_page(  # noqa: PLR0913 - what the page shows
    request: Request[Any, Any, Any],
    methods: Methods,
    problem: str | None,
    onward: Onward,
    *,
    email: str = "",
    status: int | None = None,
) -> Template:
    """Return the page, with what went wrong."""
    status = status or (HTTP_400_BAD_REQUEST if problem else HTTP_200_OK)
    context: dict[str, Any] = {"next": onward.page, "kept": onward.kept, "email": email, "problem": problem}
    return page(request, "sign_in.html", status=status, methods=methods, known=True, **context)


ROUTES = [form, form_with_input, sign_in, sign_out]
