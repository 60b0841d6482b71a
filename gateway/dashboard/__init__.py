"""The dashboard: pages for admins, rendered here and read with the admin's own token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar import Request, Response, Router, get
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency, Provide
from litestar.exceptions import InternalServerException
from litestar.response import Template
from litestar.static_files import create_static_files_router
from litestar.status_codes import HTTP_404_NOT_FOUND, HTTP_503_SERVICE_UNAVAILABLE

from supabase_webhooks.gateway.csrf import check_form
from supabase_webhooks.gateway.dashboard import (
    attach,
    away,
    callback,
    deliveries,
    delivery,
    endpoint_edit,
    endpoints,
    events,
    overview,
    replay,
    runs,
    second_factor,
    signin,
    steps,
    tokens,
    trigger_errors,
)
from supabase_webhooks.gateway.dashboard.errors import EXCEPTION_HANDLERS
from supabase_webhooks.gateway.scopes import PUBLIC, SESSION, closed
from supabase_webhooks.gateway.session import middleware, provide_admin
from supabase_webhooks.webhooks.settings import Settings

STATIC = Path(__file__).parent.parent / "static"

#: Every page, a module a noun.
PAGES = [
    *signin.ROUTES,
    *away.ROUTES,
    *callback.ROUTES,
    *second_factor.ROUTES,
    *overview.ROUTES,
    *endpoints.ROUTES,
    *steps.ROUTES,
    *endpoint_edit.ROUTES,
    *deliveries.ROUTES,
    *delivery.ROUTES,
    *replay.ROUTES,
    *events.ROUTES,
    *attach.ROUTES,
    *runs.ROUTES,
    *trigger_errors.ROUTES,
    *tokens.ROUTES,
]


@get("/", include_in_schema=False, status_code=HTTP_503_SERVICE_UNAVAILABLE)
async def switched_off(settings: NamedDependency[Settings]) -> Template:
    """Say how to switch the dashboard on."""
    return Template("switched_off.html", context={"settings": settings}, status_code=HTTP_503_SERVICE_UNAVAILABLE)


def routers(settings: Settings) -> list[Router]:
    """Return the dashboard's routes; without its settings, one page that says what is missing."""
    static = create_static_files_router(
        "/static", [STATIC], cache_control=CacheControlHeader(public=True, max_age=300), **closed(PUBLIC),
        # a path that no file can have: too long, or with a NUL
        exception_handlers={InternalServerException: _no_file, ValueError: _no_file},
    )  # fmt: skip
    if not (settings.session_secret and settings.anon_key):
        return [static, Router("/", route_handlers=[switched_off], **closed(PUBLIC))]
    pages = Router(
        "/",
        route_handlers=PAGES,
        middleware=middleware(settings),
        dependencies={"admin": Provide(provide_admin)},
        before_request=check_form,
        exception_handlers=EXCEPTION_HANDLERS,
        include_in_schema=False,
        **closed(SESSION),
        # what an admin saw stays in no cache, and "back" after signing out shows nothing
        after_request=_never_stored,
    )
    return [static, pages]


def _no_file(_: Request[Any, Any, Any], __: Exception) -> Response[dict[str, Any]]:
    return Response({"status_code": HTTP_404_NOT_FOUND, "detail": "Not Found"}, status_code=HTTP_404_NOT_FOUND)


def _never_stored(response: Response[object]) -> Response[object]:
    response.headers["Cache-Control"] = "no-store"
    return response
