"""Who calls the API: an admin with its own access token, or a server with an API token or the service key."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.di import NamedDependency

from supabase_webhooks.gateway.auth import bearer_token
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.gateway.supabase import Supabase
from supabase_webhooks.webhooks.settings import Settings


async def provide_caller(
    request: Request[Any, Any, Any], supabase: NamedDependency[Supabase], settings: NamedDependency[Settings]
) -> Admin:
    """Return the caller; the database decides what it may do. 401 without a token."""
    if api_token := request.scope.get("auth"):
        # what it may do, the route's guard has decided
        return Admin(token=settings.service_key, email="", supabase=supabase, api_token=api_token.id)
    return Admin(token=bearer_token(request.headers.get("authorization")), email="", supabase=supabase)
