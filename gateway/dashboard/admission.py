"""After a proof of identity: the second factor, the database's own check, the session, the page."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from litestar import Request

from supabase_webhooks.gateway.csrf import kept_input
from supabase_webhooks.gateway.dashboard.forms import text
from supabase_webhooks.gateway.dashboard.page import go, page
from supabase_webhooks.gateway.session import begin
from supabase_webhooks.gateway.supabase import Factor, Supabase, Tokens
from supabase_webhooks.webhooks.durations import long
from supabase_webhooks.webhooks.errors import StoreError

if TYPE_CHECKING:
    from litestar.datastructures import FormMultiDict
    from litestar.response import Redirect, Template

    from supabase_webhooks.gateway.tries import Tries

#: Where the second factor's code is asked for, and where input that was kept is given back.
CODE, KEPT = "/sign-in/code", "/sign-in/kept"

#: Where a sign-in may lead: a page of ours. "//host" and "/\\host" are other hosts to a browser.
OUR_PAGE = re.compile(r"/(?![/\\])[\w/?&=.%+-]*", re.ASCII)

#: One message for all of these: a stranger learns nothing about an account.
WRONG = "The e-mail address or password is wrong, or the account is not a webhook admin."

NOT_ADMIN = "This account is not a webhook admin. Another admin can add it: webhooks admins add EMAIL."

NO_APP = (
    "The account's second factor is a phone or a passkey, but this page needs a code from an authenticator app. Add an "
    "authenticator app to the account."
)

NO_CAPTCHA = (
    "The project's Supabase Auth requires a CAPTCHA at each sign-in, and this page has none. Turn it off there "
    "(Authentication, Attack Protection), or use the command line."
)

BUSY = "Supabase Auth is rejecting sign-ins at the moment. Try again in a few minutes."


class Rejected(Exception):  # noqa: N818 - reads as what it is
    """Raised when an account may not come in; its text is for the person. `admin`: whether it is an admin's."""

    def __init__(self, message: str, *, admin: bool = False) -> None:
        super().__init__(message)
        self.admin = admin


class Pending(msgspec.Struct, frozen=True):
    """A sign-in that waits for a code of one of the account's `factors`, by id; it then leads to the page `after`."""

    tokens: Tokens
    factors: list[str]
    after: str
    kept: str | None = None


class Onward(NamedTuple):
    """Where a sign-in leads: to a page, or to the form that the end of a session interrupted, with its input."""

    page: str
    kept: str | None = None


async def second_factors(supabase: Supabase, tokens: Tokens, factors: list[Factor]) -> list[str]:
    """Return the ids of an admin's or viewer's authenticator apps; none if the account has no second factor.

    Raises Rejected. Someone who is neither is not asked for a code, which would say that the password is right.
    """
    if not factors:
        return []
    token = tokens.access_token
    if not (
        await supabase.call(token, "is_webhook_admin") is True
        or await supabase.call(token, "is_webhook_viewer", {"payloads": False}) is True
    ):
        problem = Rejected(NOT_ADMIN)
    elif apps := [factor.id for factor in factors if factor.factor_type == "totp"]:
        return apps
    else:
        problem = Rejected(NO_APP, admin=True)
    await end(supabase, tokens)
    raise problem


async def admit(request: Request[Any, Any, Any], supabase: Supabase, tries: Tries, tokens: Tokens) -> None:
    """Start an admin's or viewer's session. Raises Rejected for anyone else."""
    try:
        role = await supabase.call(tokens.access_token, "webhook_role")
    except StoreError:
        await end(supabase, tokens)
        raise
    if role is None:
        await end(supabase, tokens)
        raise Rejected(NOT_ADMIN)
    await tries.forget(request, tokens.email)
    begin(request, tokens, role)


def wait_for_code(request: Request[Any, Any, Any], tokens: Tokens, apps: list[str], onward: Onward) -> None:
    """Keep a sign-in until its code is given. Input of a form stays in the form of the page that asks for it."""
    request.set_session({"pending": msgspec.to_builtins(Pending(tokens, apps, onward.page, onward.kept))})


def welcome(request: Request[Any, Any, Any], onward: Onward) -> Template | Redirect:
    """Return where a sign-in leads. Input of a form that it interrupted is given back to that form."""
    if given := kept_input(onward.kept):
        told = "What you filled in was kept, and nothing was saved yet."
        return page(request, "restored.html", title="You are signed in again", text=told, kept=given)
    return go(request, onward.page)


async def end(supabase: Supabase, tokens: Tokens) -> None:
    """End a sign-in at Supabase; here it ends, whatever Supabase says."""
    with contextlib.suppress(StoreError):
        await supabase.sign_out(tokens.access_token)


def too_many(seconds: int) -> str:
    """Return what someone with too many attempts is told."""
    return f"Too many attempts from your address. Try again in {long(seconds)}."


def onward_in(fields: FormMultiDict) -> Onward:
    """Return where the form of a sign-in says that it leads."""
    return Onward(ours(fields.get("next")), text(fields, "kept"))


def ours(path: str | None) -> str:
    """Return a path if it is a page of ours, else the overview's."""
    return path if path and OUR_PAGE.fullmatch(path) else "/"
