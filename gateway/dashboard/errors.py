"""Errors as pages. A visitor who is not signed in goes to the sign-in and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.response import Redirect, Template
from litestar.status_codes import (
    HTTP_303_SEE_OTHER,
    HTTP_400_BAD_REQUEST,
    HTTP_401_UNAUTHORIZED,
    HTTP_403_FORBIDDEN,
    HTTP_404_NOT_FOUND,
    HTTP_503_SERVICE_UNAVAILABLE,
)

from supabase_webhooks.gateway.csrf import ForeignForm, Input, OldForm, given_input
from supabase_webhooks.gateway.dashboard.forms import FormError
from supabase_webhooks.gateway.dashboard.page import page
from supabase_webhooks.gateway.errors import UNREADABLE, refusal_status, unreadable
from supabase_webhooks.gateway.methods import Methods
from supabase_webhooks.gateway.prefix import rooted
from supabase_webhooks.gateway.session import signed_in
from supabase_webhooks.gateway.supabase import SignedOut
from supabase_webhooks.webhooks.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from litestar.types import ExceptionHandlersMap

SIGN_IN = "/sign-in"

EXPIRED = "The form has expired"


def _signed_out(request: Request[Any, Any, Any], _: SignedOut) -> Response[Any]:
    if given := given_input(request):
        return interrupted(request, given)
    if signed_in(request):
        request.clear_session()
    if request.headers.get("hx-request"):
        # the page asks for a part of itself: all of it goes
        return Response(None, status_code=HTTP_401_UNAUTHORIZED, headers={"HX-Redirect": rooted(SIGN_IN)})
    back = request.scope["path"] if request.method == "GET" else "/"
    target = SIGN_IN if back == "/" else f"{SIGN_IN}?next={quote(back, safe='')}"
    return Redirect(rooted(target), status_code=HTTP_303_SEE_OTHER)


def interrupted(request: Request[Any, Any, Any], given: Input) -> Template:
    """Return the sign-in for someone whose session ended while they filled in a form; their input goes along."""
    request.set_session({})
    problem = "Your session has ended, so nothing was saved. Sign in again: what you filled in is kept."
    # Litestar's handlers of errors cannot wait for Supabase Auth
    known = request.app.state.offered.known
    return page(
        request, "sign_in.html", status=HTTP_401_UNAUTHORIZED, next="/", email="", problem=problem,
        kept=msgspec.json.encode(given).decode(), methods=known or Methods(), known=known is not None,
    )  # fmt: skip


def _unavailable(_: Request[Any, Any, Any], exc: StoreUnavailable) -> Template:
    return _page(
        HTTP_503_SERVICE_UNAVAILABLE, "Supabase is not responding", f"{exc}. Nothing is lost; reload the page."
    )


def _refused(_: Request[Any, Any, Any], exc: StoreError) -> Template:
    status = refusal_status(exc)
    title = "Access denied" if status == HTTP_403_FORBIDDEN else "Something went wrong"
    return _page(status, title, str(exc))


def _form(_: Request[Any, Any, Any], exc: FormError) -> Template:
    return _page(HTTP_400_BAD_REQUEST, "Something went wrong", str(exc))


def _unreadable(_: Request[Any, Any, Any], exc: Exception) -> Template:
    return _page(HTTP_400_BAD_REQUEST, "Something went wrong", f"{unreadable(exc)}.".capitalize())


def _old_form(request: Request[Any, Any, Any], exc: OldForm) -> Template:
    if given := given_input(request):
        if not signed_in(request):
            return interrupted(request, given)
        text = "It is from an earlier sign-in, so nothing was saved."
        return page(request, "restored.html", status=exc.status_code, title=EXPIRED, text=text, kept=given)
    return _page(exc.status_code, EXPIRED, "Go back, reload the page, and send it again.")


def _foreign_form(_: Request[Any, Any, Any], exc: ForeignForm) -> Template:
    text = (
        "The browser reports that this form comes from another site, so nothing was changed. Open it here and send it "
        "again. If you did, a proxy in front of the gateway replaces the Host header: configure it to pass it on."
    )
    return _page(exc.status_code, "The form comes from another site", text)


def _http(_: Request[Any, Any, Any], exc: HTTPException) -> Template:
    title = "Access denied" if exc.status_code == HTTP_403_FORBIDDEN else "Something went wrong"
    return _page(exc.status_code, title, exc.detail)


def _not_there(request: Request[Any, Any, Any], exc: HTTPException) -> Response[Any] | Template:
    """Return a page to a browser, and JSON to a program, for an address that does not exist or takes another method."""
    if "text/html" not in request.headers.get("accept", ""):
        content = {"status_code": exc.status_code, "detail": exc.detail}
        return Response(content, status_code=exc.status_code, headers=exc.headers)
    if exc.status_code == HTTP_404_NOT_FOUND:
        text = f"There is no page at {request.url.path}. It may have been moved, or the address may be misspelled."
        return _page(exc.status_code, "Page not found", text)
    return _page(exc.status_code, "Something went wrong", exc.detail)


def _page(status: int, title: str, text: str) -> Template:
    return Template("error.html", context={"title": title, "text": text, "status": status}, status_code=status)


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    SignedOut: _signed_out,
    StoreUnavailable: _unavailable,
    StoreError: _refused,
    FormError: _form,
    OldForm: _old_form,
    ForeignForm: _foreign_form,
    HTTPException: _http,
    # NOT_THERE would come before its parent class
    NotFoundException: _http,
    **dict.fromkeys(UNREADABLE, _unreadable),
}

#: For addresses of no router: the whole application's.
NOT_THERE: ExceptionHandlersMap = {NotFoundException: _not_there, MethodNotAllowedException: _not_there}
