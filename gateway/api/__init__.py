"""The admin API, /api/v1: what the dashboard does, for programs: with a user's own token, or for an API token."""

from __future__ import annotations

from litestar import Router
from litestar.di import Provide

from supabase_webhooks.gateway.api import deliveries, endpoints, events, stats
from supabase_webhooks.gateway.api.caller import provide_caller
from supabase_webhooks.gateway.api.problems import EXCEPTION_HANDLERS
from supabase_webhooks.gateway.auth import api_token

PATH = "/api/v1"


def router() -> Router:
    """Return the API's routes."""
    return Router(
        PATH,
        route_handlers=[*endpoints.ROUTES, *deliveries.ROUTES, *events.ROUTES, *stats.ROUTES],
        dependencies={"caller": Provide(provide_caller)},
        exception_handlers=EXCEPTION_HANDLERS,
        guards=[api_token],
        tags=["admin API"],
    )
