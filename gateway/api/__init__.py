"""The admin API, /api/v1: what the dashboard does, for programs. Reads and writes run with the caller's own token."""

from __future__ import annotations

from litestar import Router
from litestar.di import Provide

from supabase_webhooks.gateway.api import deliveries, endpoints, events, stats
from supabase_webhooks.gateway.api.caller import provide_caller
from supabase_webhooks.gateway.api.problems import EXCEPTION_HANDLERS

PATH = "/api/v1"


def router() -> Router:
    """Return the API's routes."""
    return Router(
        PATH,
        route_handlers=[*endpoints.ROUTES, *deliveries.ROUTES, *events.ROUTES, *stats.ROUTES],
        dependencies={"caller": Provide(provide_caller)},
        exception_handlers=EXCEPTION_HANDLERS,
        security=[{"bearer": []}],
        tags=["admin API"],
    )
