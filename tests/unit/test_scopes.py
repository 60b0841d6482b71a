"""Each route of the gateway declares what opens it; the API's follow one rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from litestar import Litestar, get
from litestar.routes import HTTPRoute

from supabase_webhooks.gateway.app import create_app
from supabase_webhooks.gateway.scopes import OPENS, PUBLIC, SERVER, SESSION, Scope
from supabase_webhooks.webhooks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

#: OpenAPI's own pages: for everyone, and Litestar's.
DESCRIPTION = "/schema"


def routes(app: Litestar) -> Iterator[tuple[str, str, Any]]:
    """Yield the method and path of each route, and what it declares."""
    for route in app.routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith(DESCRIPTION):
            for method, (handler, _) in route.route_handler_map.items():
                if method != "OPTIONS":
                    yield str(method), route.path, handler.opt.get("scope")


def application(**settings: str) -> Litestar:
    """Return the application."""
    return create_app(Settings(supabase_url="http://127.0.0.1:1", service_key="x" * 40, **settings))  # type: ignore[arg-type]


def undeclared(app: Litestar) -> list[str]:
    """Return the routes that declare nothing that is known."""
    known = {*Scope, PUBLIC, SERVER, SESSION}
    return [f"{method} {path}" for method, path, scope in routes(app) if scope not in known]


WITH_DASHBOARD = {"session_secret": "x" * 40, "anon_key": "x" * 40}


@pytest.mark.parametrize("settings", [{}, WITH_DASHBOARD], ids=["without dashboard", "with dashboard"])
def test_every_route_declares_what_opens_it(settings: dict[str, str]) -> None:
    """A new route without `**needs(Scope....)` or `**closed(...)` fails here, and no API token opens it."""
    app = application(**settings)
    assert undeclared(app) == []
    assert len(list(routes(app))) > 20


def test_one_that_declares_nothing_is_found() -> None:
    """So that the test above can fail."""

    @get("/new")
    async def new() -> None:
        """Do nothing."""

    @get("/odd", opt={"scope": "everything"})
    async def odd() -> None:
        """Do nothing."""

    assert undeclared(Litestar([new, odd], openapi_config=None)) == ["GET /new", "GET /odd"]


def test_the_rule() -> None:
    """What is read needs read, events need dispatch, what else is written needs manage; pages open for no token."""
    found = {(method, path): scope for method, path, scope in routes(application(**WITH_DASHBOARD))}
    api = {(method, path): scope for (method, path), scope in found.items() if path.startswith("/api/")}
    assert len(api) >= 19
    for (method, path), scope in api.items():
        if method in {"GET", "HEAD"}:
            assert scope == Scope.READ, path
        elif path == "/api/v1/events":
            assert scope == Scope.DISPATCH
        else:
            assert scope == Scope.MANAGE, path
    assert {path: scope for (_, path), scope in found.items() if path.startswith("/functions/")} == {
        "/functions/v1/webhook-dispatcher": SERVER,
        "/functions/v1/close-expired-discussions": SERVER,
        "/functions/v1/webhook-health": Scope.READ,
        "/functions/v1/test-webhook": Scope.MANAGE,
    }
    assert {path for (_, path), scope in found.items() if scope == PUBLIC} == {
        "/healthz",
        "/readyz",
        "/static/{file_path:path}",
    }
    assert found["GET", "/metrics"] == Scope.READ
    assert not any(isinstance(scope, Scope) for (_, path), scope in found.items() if path.startswith("/tokens"))


def test_what_a_scope_includes() -> None:
    """Manage reads too; dispatch does nothing else, and nothing else dispatches."""
    assert {scope: opened - {scope} for scope, opened in OPENS.items()} == {
        Scope.READ: set(),
        Scope.MANAGE: {Scope.READ},
        Scope.DISPATCH: set(),
    }
