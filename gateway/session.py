"""Who is signed in: Supabase's tokens in an encrypted cookie, refreshed before they expire."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable  # noqa: TC003 - Litestar resolves it at run time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from litestar import Request
from litestar.config.csrf import CSRFConfig
from litestar.di import NamedDependency
from litestar.middleware import DefineMiddleware
from litestar.middleware.csrf import CSRFMiddleware
from litestar.middleware.session import SessionMiddleware
from litestar.middleware.session.client_side import ClientSideSessionBackend, CookieBackendConfig

from gateway.supabase import SignedOut, Supabase, Tokens
from webhooks.errors import StoreUnavailable

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Middleware

    from webhooks.settings import Settings

#: Seconds that a sign-in lasts without a visit. Supabase's refresh token may end it earlier.
MAX_AGE = 7 * 86_400

#: Seconds before its end from which a token is refreshed, so that it does not end on the way.
MARGIN = 30


@dataclass(frozen=True)
class Admin:
    """The signed-in user of a request. Whether it is an admin, the database says at each call.

    `renew` refreshes the token of a session, and raises SignedOut when the session is over.
    """

    token: str
    email: str
    supabase: Supabase
    renew: Callable[[], Awaitable[str]] | None = None

    async def call(self, function: str, **arguments: Any) -> Any:  # noqa: ANN401 - whatever the function returns
        """Call a function of the database as this user."""
        return await self._ask(lambda token: self.supabase.call(token, function, arguments))

    async def rows(self, table: str, **parameters: str) -> list[dict[str, Any]]:
        """Return rows of a table that this user may see; `parameters` as PostgREST has them."""
        return list(await self._ask(lambda token: self.supabase.rows(token, table, **parameters)))

    async def write(self, action: str, key: str | None = None, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Do a write of the admin API as this user, once for a key."""
        body = {"action": action, "arguments": arguments, "idempotency_key": key or None}
        return dict(await self.call("webhook_admin_write", **body))

    async def _ask(self, ask: Callable[[str], Awaitable[Any]]) -> Any:  # noqa: ANN401 - JSON
        """Ask with the token; when it is not accepted, once more with a new one. What was not accepted was not done."""
        try:
            return await ask(self.token)
        except SignedOut:
            if self.renew is None:
                raise
        token = await self.renew()
        try:
            return await ask(token)
        except SignedOut as exc:
            raise StoreUnavailable(f"Supabase accepts no sign-in for the moment ({exc.code})", code=exc.code) from exc


async def provide_admin(request: Request[Any, Any, Any], supabase: NamedDependency[Supabase]) -> Admin:
    """Return who is signed in; raise SignedOut when nobody is."""
    stored = request.session.get("tokens")
    if not stored:
        raise SignedOut("nobody is signed in")
    tokens = msgspec.convert(stored, Tokens)

    async def renew() -> str:
        renewed = await supabase.refresh(tokens)
        keep(request, renewed)
        return renewed.access_token

    token = await renew() if tokens.expires_at < time.time() + MARGIN else tokens.access_token
    return Admin(token=token, email=tokens.email, supabase=supabase, renew=renew)


def keep(request: Request[Any, Any, Any], tokens: Tokens) -> None:
    """Keep tokens in the session."""
    request.session["tokens"] = msgspec.to_builtins(tokens)


def middleware(settings: Settings) -> list[Middleware]:
    """Return the encrypted session and the check of forms, for every route that lives by a cookie.

    Both cookies are HttpOnly and SameSite=Lax; gateway/security.py adds Secure to them on https.
    """
    backend = session_backend(settings)

    # a function, since Litestar copies what it is given, and a cipher cannot be copied
    def session(app: ASGIApp) -> ASGIApp:
        return SessionMiddleware(app, backend)

    csrf = CSRFConfig(
        secret=_key(settings, b"csrf").hex(), cookie_name="webhooks_csrf", cookie_httponly=True, cookie_samesite="lax"
    )
    return [session, DefineMiddleware(CSRFMiddleware, config=csrf)]


def session_backend(settings: Settings) -> ClientSideSessionBackend:
    """Return what encrypts the session, with AES-256-GCM."""
    return ClientSideSessionBackend(
        CookieBackendConfig(secret=_key(settings, b"session"), key="webhooks_session", max_age=MAX_AGE)
    )


def _key(settings: Settings, purpose: bytes) -> bytes:
    # one secret, a key for each purpose (RFC 5869)
    return HKDF(SHA256(), length=32, salt=None, info=b"webhooks " + purpose).derive(settings.session_secret.encode())
