"""Who is signed in: Supabase's tokens in an encrypted cookie, refreshed before they expire."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable  # noqa: TC003 - Litestar resolves it at run time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from litestar import Request
from litestar.di import NamedDependency
from litestar.exceptions import PermissionDeniedException
from litestar.middleware.session import SessionMiddleware
from litestar.middleware.session.client_side import ClientSideSessionBackend, CookieBackendConfig

from supabase_webhooks.gateway.csrf import SAFE
from supabase_webhooks.gateway.security import is_https
from supabase_webhooks.gateway.supabase import SignedOut, Supabase, Tokens
from supabase_webhooks.webhooks.errors import StoreUnavailable

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Middleware, Receive, Scope, Send

    from supabase_webhooks.webhooks.settings import Settings

#: Seconds that a sign-in lasts without a visit. Supabase's refresh token may end it earlier.
MAX_AGE = 7 * 86_400

READS = "Viewers can look at deliveries and endpoints, and change nothing. Ask a webhook admin to do it."

#: Seconds before its end from which a token is refreshed, so that it does not end on the way.
MARGIN = 30


#: The role of a user who reads and changes nothing: webhook_role()'s word.
VIEWER = "viewer"


@dataclass(frozen=True)
class Admin:
    """The signed-in user of a request. The database decides at each call what the user may do.

    `viewer`: at the sign-in it was someone who only reads, so the pages offer no changes. `renew` refreshes the token
    of a session, and raises SignedOut when the session is over. `api_token`: the id of the API token that opened the
    route; the gateway then acts for it, with the service key.
    """

    token: str
    email: str
    supabase: Supabase
    renew: Callable[[], Awaitable[str]] | None = None
    viewer: bool = False
    api_token: str | None = None

    async def call(self, function: str, **arguments: Any) -> Any:  # noqa: ANN401 - whatever the function returns
        """Call a function of the database as this user."""
        return await self._ask(lambda token: self.supabase.call(token, function, arguments))

    async def rows(self, table: str, **parameters: str) -> list[dict[str, Any]]:
        """Return rows of a table that this user may see; `parameters` as PostgREST has them."""
        return list(await self._ask(lambda token: self.supabase.rows(token, table, **parameters)))

    async def write(self, action: str, key: str | None = None, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Do a write of the admin API as this user, once for a key."""
        body: dict[str, Any] = {"action": action, "arguments": arguments, "idempotency_key": key or None}
        if self.api_token:
            body["api_token"] = self.api_token
        return dict(await self.call("webhook_admin_write", **body))

    async def _ask(self, ask: Callable[[str], Awaitable[Any]]) -> Any:  # noqa: ANN401 - JSON
        """Ask with the token; if it is rejected, ask again with a new one. A rejected call did nothing."""
        try:
            return await ask(self.token)
        except SignedOut:
            if self.renew is None:
                raise
        token = await self.renew()
        try:
            return await ask(token)
        except SignedOut as exc:
            raise StoreUnavailable(f"Supabase is rejecting sign-ins at the moment ({exc.code})", code=exc.code) from exc


async def provide_admin(request: Request[Any, Any, Any], supabase: NamedDependency[Supabase]) -> Admin:
    """Return the signed-in user. Raises SignedOut when there is none, and for a viewer who would change something."""
    stored = request.session.get("tokens")
    if not stored:
        raise SignedOut("you are not signed in")
    viewer = request.session.get("role") == VIEWER
    if viewer and request.method not in SAFE:
        raise PermissionDeniedException(READS)
    tokens = msgspec.convert(stored, Tokens)

    async def renew() -> str:
        renewed = await supabase.refresh(tokens)
        keep(request, renewed)
        return renewed.access_token

    token = await renew() if tokens.expires_at < time.time() + MARGIN else tokens.access_token
    return Admin(token=token, email=tokens.email, supabase=supabase, renew=renew, viewer=viewer)


def keep(request: Request[Any, Any, Any], tokens: Tokens) -> None:
    """Keep renewed tokens in the session."""
    request.session["tokens"] = msgspec.to_builtins(tokens)


def begin(request: Request[Any, Any, Any], tokens: Tokens, role: str) -> None:
    """Sign in: start a new session, with nothing from the previous one."""
    request.set_session({"tokens": msgspec.to_builtins(tokens), "role": role})


def signed_in(request: Request[Any, Any, Any]) -> bool:
    """Return whether the session has tokens; Supabase may no longer accept them."""
    return bool(request.scope.get("session") and request.session.get("tokens"))


def middleware(settings: Settings) -> list[Middleware]:
    """Return the encrypted session, for every route that lives by a cookie: HttpOnly and SameSite=Lax."""

    # a function, since Litestar copies what it is given, and a cipher cannot be copied
    def session(app: ASGIApp) -> ASGIApp:
        @cache
        def sessions(root: str, *, secure: bool) -> SessionMiddleware[Any]:
            return SessionMiddleware(app, session_backend(settings, secure=secure, root=root))

        async def by_scheme(scope: Scope, receive: Receive, send: Send) -> None:
            await sessions(scope["root_path"], secure=is_https(scope))(scope, receive, send)

        return by_scheme

    return [session]


def session_backend(settings: Settings, *, secure: bool = False, root: str = "") -> ClientSideSessionBackend:
    """Return what encrypts the session."""
    return sealed(settings, "session", MAX_AGE, secure=secure, root=root)


def sealed(settings: Settings, name: str, seconds: int, *, secure: bool, root: str) -> ClientSideSessionBackend:
    """Return what encrypts a cookie that is good for some seconds, with AES-256-GCM: HttpOnly and SameSite=Lax.

    `root`: the prefix, and so the path of the cookie. On https the cookie has a prefix that browsers take only over
    https and, for all paths, only from this host itself (RFC 6265bis, section 4.1.3).
    """
    prefix = ("__Secure-" if root else "__Host-") * secure
    return ClientSideSessionBackend(
        CookieBackendConfig(
            secret=key(settings, name.encode()), key=f"{prefix}webhooks_{name}", max_age=seconds, secure=secure,
            path=root or "/",
        )
    )  # fmt: skip


def key(settings: Settings, purpose: bytes) -> bytes:
    """Return the key for a purpose, 32 bytes."""
    # one secret, a key for each purpose (RFC 5869); a gateway without a dashboard has no session secret
    secret = settings.session_secret or settings.service_key
    return HKDF(SHA256(), length=32, salt=None, info=b"webhooks " + purpose).derive(secret.encode())
