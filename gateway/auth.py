"""Who may call: the cron with its token, servers with the service key or API tokens, admins with their own sign-in."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from litestar.exceptions import NotAuthorizedException, PermissionDeniedException

from supabase_webhooks.webhooks.exposition import may_read
from supabase_webhooks.webhooks.tokens import is_api_token

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.handlers import BaseRouteHandler

    from supabase_webhooks.gateway.api_tokens import ApiTokens
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.store import Store


def bearer_token(authorization: str | None) -> str:
    """Return the token of an Authorization header; raise NotAuthorizedException (401) without one."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthorizedException(
            "send the header Authorization: Bearer <token>", headers={"WWW-Authenticate": "Bearer"}
        )
    return token.strip()


def is_server(token: str, settings: Settings) -> bool:
    """Return whether a token is the dispatch token or the service key. Takes the same time for any token."""
    given = token.encode()
    known = [settings.service_key, *([settings.dispatch_token] if settings.dispatch_token else [])]
    return any([hmac.compare_digest(given, secret.encode()) for secret in known])  # noqa: C419 - all are compared


async def server_only(connection: ASGIConnection[Any, Any, Any, Any], _: object) -> None:
    """Guard: the dispatch token or the service key; 401 without a token, 403 with a wrong one."""
    settings: Settings = await _dependency(connection, "settings")
    if not is_server(bearer_token(connection.headers.get("authorization")), settings):
        raise PermissionDeniedException("the token is neither the dispatch token nor the service key")


async def api_token(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard: what is meant as an API token must be valid and have the route's scope. Others are checked later."""
    await _by_api_token(connection, handler)


async def metrics_reader(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard: Prometheus's token, a server's, or an API token; 401 without a token, 403 with a wrong one."""
    settings: Settings = await _dependency(connection, "settings")
    authorization = connection.headers.get("authorization")
    bearer_token(authorization)
    if may_read(authorization, settings):
        return
    if not await _by_api_token(connection, handler):
        raise PermissionDeniedException("the token is neither WEBHOOKS_METRICS_TOKEN nor a server's")


async def server_or_admin(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard: as `server_only`, an API token, or the access token of a user for whom webhooks.is_admin() is true."""
    settings: Settings = await _dependency(connection, "settings")
    token = bearer_token(connection.headers.get("authorization"))
    if is_server(token, settings) or await _by_api_token(connection, handler):
        return
    store: Store = await _dependency(connection, "store")
    if not await store.is_admin(token):
        raise PermissionDeniedException("the token is neither a server's nor a webhook admin's")


async def _by_api_token(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> bool:
    """Return whether an API token is given, which then may use the route; the route finds it in the scope's `auth`."""
    token = bearer_token(connection.headers.get("authorization"))
    if not is_api_token(token):
        return False
    tokens: ApiTokens = await _dependency(connection, "api_tokens")
    connection.scope["auth"] = await tokens.check(connection, token, handler.opt.get("scope"))
    return True


async def _dependency(connection: ASGIConnection[Any, Any, Any, Any], name: str) -> Any:  # noqa: ANN401 - by name
    return await connection.app.dependencies[name]()
