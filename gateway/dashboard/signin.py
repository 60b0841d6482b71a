"""Sign-in with Supabase Auth by e-mail, password and second factor; the database decides who is an admin."""

from __future__ import annotations

import contextlib
import re
from typing import Any, NamedTuple

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST, HTTP_429_TOO_MANY_REQUESTS

from supabase_webhooks.gateway.csrf import kept_input
from supabase_webhooks.gateway.dashboard.errors import SIGN_IN
from supabase_webhooks.gateway.dashboard.forms import text
from supabase_webhooks.gateway.dashboard.page import go, page
from supabase_webhooks.gateway.session import begin
from supabase_webhooks.gateway.supabase import CAPTCHA, Factor, SignedOut, Supabase, Tokens
from supabase_webhooks.gateway.tries import Tries
from supabase_webhooks.webhooks.durations import long
from supabase_webhooks.webhooks.errors import StoreError, StoreUnavailable

#: Where the second factor's code is asked for.
CODE = "/sign-in/code"

#: Where a sign-in may lead: a page of ours. "//host" and "/\\host" are other hosts to a browser.
OUR_PAGE = re.compile(r"/(?![/\\])[\w/?&=.%+-]*", re.ASCII)

#: Supabase Auth's status codes for a wrong or malformed code; for a session that has ended it returns 401 or 403.
WRONG_CODE = {"400", "422"}

#: One message for all of these: a stranger learns nothing about an account.
WRONG = "The e-mail address or password is wrong, or the account is not a webhook admin."

NO_CAPTCHA = (
    "The project's Supabase Auth requires a CAPTCHA at each sign-in, and this page has none. Turn it off there "
    "(Authentication, Attack Protection), or use the command line."
)

NO_APP = (
    "The account's second factor is a phone or a passkey, but this page needs a code from an authenticator app. Add an "
    "authenticator app to the account."
)


class Pending(msgspec.Struct, frozen=True):
    """A sign-in that waits for a code of one of the account's `factors`, by id; it then leads to the page `after`."""

    tokens: Tokens
    factors: list[str]
    after: str


class Onward(NamedTuple):
    """Where a sign-in leads: to a page, or to the form that the end of a session interrupted, with its input."""

    page: str
    kept: str | None = None


@get(SIGN_IN)
async def form(request: Request[Any, Any, Any]) -> Template:
    """Show the form."""
    return _form(request, None, Onward(_ours(request.query_params.get("next"))))


@post(SIGN_IN, status_code=HTTP_200_OK)
async def sign_in(
    request: Request[Any, Any, Any], supabase: NamedDependency[Supabase], tries: NamedDependency[Tries]
) -> Template | Redirect:
    """Ask Supabase Auth, then for a code where the account has a second factor, then the database."""
    fields = await request.form()
    email, onward = text(fields, "email") or "", Onward(_ours(fields.get("next")), text(fields, "kept"))
    if wait := await tries.count(request, email):
        return _form(request, _too_many(wait), onward, email, HTTP_429_TOO_MANY_REQUESTS)
    try:
        tokens, factors = await supabase.sign_in(email, str(fields.get("password") or ""))
    except SignedOut as exc:
        return _form(request, NO_CAPTCHA if exc.code == CAPTCHA else WRONG, onward, email)
    except StoreUnavailable as exc:
        if exc.code != str(HTTP_429_TOO_MANY_REQUESTS):
            raise
        busy = "Supabase Auth is rejecting sign-ins at the moment. Try again in a few minutes."
        return _form(request, busy, onward, email, HTTP_429_TOO_MANY_REQUESTS)
    if not factors:
        return await _admit(request, supabase, tries, tokens, onward)
    return await _ask_for_code(request, supabase, tokens, factors, onward)


@get(CODE)
async def code_form(request: Request[Any, Any, Any]) -> Template | Redirect:
    """Ask for the code."""
    return _code_form(request) if _pending(request) else go(request, SIGN_IN)


@post(CODE, status_code=HTTP_200_OK)
async def code(
    request: Request[Any, Any, Any], supabase: NamedDependency[Supabase], tries: NamedDependency[Tries]
) -> Template | Redirect:
    """Have Supabase Auth verify the code, then ask the database."""
    pending = _pending(request)
    if pending is None:
        return go(request, SIGN_IN)
    fields = await request.form()
    kept = text(fields, "kept")
    if wait := await tries.count(request, pending.tokens.email):
        return _code_form(request, _too_many(wait), HTTP_429_TOO_MANY_REQUESTS, kept)
    given = "".join(str(fields.get("code") or "").split())
    for factor in pending.factors:
        try:
            tokens = await supabase.verify(pending.tokens, factor, given)
        except SignedOut as exc:
            if exc.code not in WRONG_CODE:
                request.set_session({})
                return go(request, SIGN_IN, "The sign-in took too long. Sign in again.", kind="error")
        else:
            return await _admit(request, supabase, tries, tokens, Onward(pending.after, kept))
    return _code_form(request, "The code is wrong or has expired.", HTTP_400_BAD_REQUEST, kept)


@post("/sign-out", status_code=HTTP_200_OK)
async def sign_out(request: Request[Any, Any, Any], supabase: NamedDependency[Supabase]) -> Redirect:
    """Forget the tokens, here and at Supabase."""
    tokens = request.session.get("tokens")
    request.clear_session()
    if tokens:
        await _end(supabase, msgspec.convert(tokens, Tokens))
    return go(request, SIGN_IN)


async def _ask_for_code(
    request: Request[Any, Any, Any], supabase: Supabase, tokens: Tokens, factors: list[Factor], onward: Onward
) -> Template | Redirect:
    """Lead an admin to the page for the second factor's code. To others it would say that the password is right."""
    if await supabase.call(tokens.access_token, "is_webhook_admin") is not True:
        problem = WRONG
    elif apps := [factor.id for factor in factors if factor.factor_type == "totp"]:
        request.set_session({"pending": msgspec.to_builtins(Pending(tokens, apps, onward.page))})
        return _code_form(request, kept=onward.kept) if onward.kept else go(request, CODE)
    else:
        problem = NO_APP
    await _end(supabase, tokens)
    return _form(request, problem, onward, tokens.email)


async def _admit(
    request: Request[Any, Any, Any], supabase: Supabase, tries: Tries, tokens: Tokens, onward: Onward
) -> Template | Redirect:
    """Start an admin's session. Input of a form that it ended before is given back to that form."""
    try:
        await supabase.call(tokens.access_token, "webhook_admin_check")
    except StoreError as exc:
        await _end(supabase, tokens)
        if exc.code != "42501":
            raise
        return _form(request, WRONG, onward, tokens.email)
    await tries.forget(request, tokens.email)
    begin(request, tokens)
    if given := kept_input(onward.kept):
        told = "What you filled in was kept, and nothing was saved yet."
        return page(request, "restored.html", title="You are signed in again", text=told, kept=given)
    return go(request, onward.page)


async def _end(supabase: Supabase, tokens: Tokens) -> None:
    # ended here, whatever Supabase says
    with contextlib.suppress(StoreError):
        await supabase.sign_out(tokens.access_token)


def _form(
    request: Request[Any, Any, Any], problem: str | None, onward: Onward, email: str = "", status: int | None = None
) -> Template:
    status = status or (HTTP_400_BAD_REQUEST if problem else HTTP_200_OK)
    context: dict[str, Any] = {"next": onward.page, "kept": onward.kept, "email": email, "problem": problem}
    return page(request, "sign_in.html", status=status, **context)


def _code_form(
    request: Request[Any, Any, Any], problem: str | None = None, status: int = HTTP_200_OK, kept: str | None = None
) -> Template:
    return page(request, "sign_in_code.html", status=status, problem=problem, kept=kept)


def _pending(request: Request[Any, Any, Any]) -> Pending | None:
    kept = request.session.get("pending")
    return msgspec.convert(kept, Pending) if kept else None


def _too_many(seconds: int) -> str:
    return f"Too many attempts from your address. Try again in {long(seconds)}."


def _ours(path: str | None) -> str:
    return path if path and OUR_PAGE.fullmatch(path) else "/"


ROUTES = [form, sign_in, code_form, code, sign_out]
