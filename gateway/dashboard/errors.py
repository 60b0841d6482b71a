"""Errors as pages. A visitor who is not signed in goes to the sign-in and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

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

from supabase_webhooks.gateway.csrf import ForeignForm, OldForm
from supabase_webhooks.gateway.dashboard.forms import FormError
from supabase_webhooks.gateway.errors import UNREADABLE, refusal_status, unreadable
from supabase_webhooks.gateway.session import signed_in
from supabase_webhooks.gateway.supabase import SignedOut
from supabase_webhooks.webhooks.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from litestar.types import ExceptionHandlersMap

SIGN_IN = "/sign-in"


def _signed_out(request: Request[Any, Any, Any], _: SignedOut) -> Response[Any]:
    if signed_in(request):
        request.clear_session()
    if request.headers.get("hx-request"):
        # the page asks for a part of itself: all of it goes
        return Response(None, status_code=HTTP_401_UNAUTHORIZED, headers={"HX-Redirect": SIGN_IN})
    back = request.url.path if request.method == "GET" else "/"
    target = SIGN_IN if back == "/" else f"{SIGN_IN}?next={quote(back, safe='')}"
    return Redirect(target, status_code=HTTP_303_SEE_OTHER)


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


def _old_form(_: Request[Any, Any, Any], exc: OldForm) -> Template:
    return _page(exc.status_code, "The form has expired", "Go back, reload the page, and send it again.")


def _foreign_form(_: Request[Any, Any, Any], exc: ForeignForm) -> Template:
    text = (
        "The browser reports that this form comes from another site, so nothing was changed. Open it here and send it "
        "again. If you did, a proxy in front of the gateway replaces the Host header: configure it to pass it on."
    )
    return _page(exc.status_code, "The form comes from another site", text)


def _http(_: Request[Any, Any, Any], exc: HTTPException) -> Template:
    return _page(exc.status_code, "Something went wrong", exc.detail)


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
    **dict.fromkeys(UNREADABLE, _unreadable),
}

#: For addresses of no router: the whole application's.
NOT_THERE: ExceptionHandlersMap = {NotFoundException: _not_there, MethodNotAllowedException: _not_there}
