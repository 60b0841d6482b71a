"""Where Supabase Auth leads back to, with a code or an error. Nothing that the address says is shown or kept."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import quote

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_429_TOO_MANY_REQUESTS

from supabase_webhooks.gateway.asked import Asked, forget, remembered
from supabase_webhooks.gateway.dashboard.admission import (
    BUSY,
    CODE,
    KEPT,
    Onward,
    Rejected,
    admit,
    second_factors,
    wait_for_code,
    welcome,
)
from supabase_webhooks.gateway.dashboard.errors import SIGN_IN
from supabase_webhooks.gateway.dashboard.page import go
from supabase_webhooks.gateway.supabase import SignedOut, Supabase
from supabase_webhooks.gateway.tries import Tries
from supabase_webhooks.webhooks.errors import StoreError, StoreUnavailable
from supabase_webhooks.webhooks.settings import Settings

logger = logging.getLogger(__name__)

CALLBACK = "/sign-in/callback"

OTHER_BROWSER = (
    "Open the link in the browser in which you asked for it, within an hour, or sign in here. A sign-in that someone "
    "else began cannot be finished in your browser."
)

AGAIN = (
    "The sign-in took too long, was completed before, or you began another one meanwhile. Sign in again, and open the "
    "newest link in the browser in which you asked for it."
)

INCOMPLETE = "The link is not complete. Open all of it, or sign in again."

UNAVAILABLE = "Supabase is not responding. Sign in again in a moment."

UNKNOWN = "Supabase Auth did not complete the sign-in. Sign in again; if it fails again, Supabase's Auth logs say why."

#: Supabase Auth's `error_code`, else OAuth's `error` (RFC 6749, section 4.1.2.1), to what the person can do.
PROBLEMS = {
    "otp_expired": (
        "The link has expired or was used before. Ask for a new one. Some mail programs open links by themselves: if "
        "that happens again, sign in another way."
    ),
    "user_banned": "The account is banned in Supabase Auth. Its owner can lift the ban (Authentication, Users).",
    "signup_disabled": (
        "The app has no account for this sign-in, and accepts no new ones. Sign in the way your account was created."
    ),
    "email_not_confirmed": "The account's e-mail address is not confirmed. Confirm it with the mail you received.",
    "provider_email_needs_verification": (
        "The provider has not verified your e-mail address. Open the link that Supabase Auth has mailed you, then sign "
        "in again."
    ),
    "validation_failed": "Supabase Auth did not accept the link. Open all of it, or ask for a new one.",
    **dict.fromkeys(
        (
            "bad_oauth_callback", "bad_oauth_state", "oauth_invalid_state", "oauth_client_state_expired",
            "oauth_client_state_not_found", "flow_state_not_found", "flow_state_expired", "flow_state_already_used",
            "bad_code_verifier",
        ),
        AGAIN,
    ),
    "access_denied": "The provider did not allow the sign-in, or you canceled it there. Sign in again, or another way.",
    "temporarily_unavailable": "The provider is not available at the moment. Sign in again later, or another way.",
    "server_error": (
        "The provider or Supabase Auth reported an error. Sign in again; if it fails again, check the provider's "
        "client id and secret in Supabase (Authentication, Sign In / Providers)."
    ),
}  # fmt: skip

#: A code as Supabase Auth writes it, or another server like it.
_CODE = re.compile(r"[\w.~-]{1,512}", re.ASCII)


@get(CALLBACK)
async def callback(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    supabase: NamedDependency[Supabase],
    tries: NamedDependency[Tries],
) -> Redirect:
    """Exchange the code for a session, with the verifier that this browser has kept; then as after a password."""
    asked, code = remembered(request, settings), request.query_params.get("code", "")
    problem = problem_of(request) or (None if _CODE.fullmatch(code) else INCOMPLETE)
    if problem or asked is None:
        return _back(request, asked, problem or OTHER_BROWSER)
    try:
        page = await _finish(request, supabase, tries, code, asked)
    except Rejected as exc:
        return forget(request, settings, _back(request, asked, str(exc)))
    except StoreError as exc:
        # not forgotten: a code that someone else sent here ends nothing
        return _back(request, asked, _why(exc))
    return forget(request, settings, go(request, page))


@get(KEPT)
async def kept(request: Request[Any, Any, Any]) -> Template | Redirect:
    """Give input back to the form that the end of a session interrupted, once."""
    return welcome(request, Onward("/", request.session.pop("kept", None)))


async def _finish(request: Request[Any, Any, Any], supabase: Supabase, tries: Tries, code: str, asked: Asked) -> str:
    """Sign in, or ask for the second factor; return the next page."""
    tokens, factors = await supabase.exchange(code, asked.verifier)
    if apps := await second_factors(supabase, tokens, factors):
        wait_for_code(request, tokens, apps, Onward(asked.page, asked.kept))
        return CODE
    await admit(request, supabase, tries, tokens)
    if asked.kept:
        request.session["kept"] = asked.kept
        return KEPT
    return asked.page


def _why(exc: StoreError) -> str:
    if isinstance(exc, SignedOut):
        return AGAIN
    if isinstance(exc, StoreUnavailable):
        return BUSY if exc.code == str(HTTP_429_TOO_MANY_REQUESTS) else UNAVAILABLE
    logger.warning("a sign-in could not be checked: %s", exc)
    return UNKNOWN


def problem_of(request: Request[Any, Any, Any]) -> str | None:
    """Return what an error in the address means; None if there is none."""
    given = [request.query_params.get(name, "") for name in ("error_code", "error")]
    if not any(given):
        return None
    found = next((one for one in given if one in PROBLEMS), None)
    logger.info("a sign-in failed at Supabase Auth: %s", found or "another error")
    return PROBLEMS[found] if found else UNKNOWN


def _back(request: Request[Any, Any, Any], asked: Asked | None, problem: str) -> Redirect:
    """Lead to the sign-in, away from an address that may contain a code.

    The fragment replaces the one that Supabase Auth adds: a browser keeps that otherwise (RFC 9110, section 10.2.2).
    """
    page = asked.page if asked else "/"
    query = "" if page == "/" else f"?next={quote(page, safe='')}"
    return go(request, f"{SIGN_IN}{query}#main", problem, kind="error")


ROUTES = [callback, kept]
