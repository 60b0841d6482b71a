"""Supabase, called with the caller's own token: row level security decides what the caller may see and do."""

from __future__ import annotations

import asyncio
import json
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx
import msgspec

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.errors import StoreDenied, StoreError, StoreUnavailable
from supabase_webhooks.webhooks.refusals import refused
from supabase_webhooks.webhooks.store import UNSENDABLE
from supabase_webhooks.webhooks.tokens import is_access_token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from supabase_webhooks.webhooks.settings import Settings

#: Seconds for one call, as in webhooks/store.py.
CALL_TIMEOUT = 10

#: Seconds for which requests that come with the old tokens get the new ones: as long as Supabase Auth takes a refresh
#: token twice. A browser sends several requests at once, each with the same cookie.
SHARED_SECONDS = 10

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
JSON: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json"})

#: PostgREST's codes for a token that is wrong or has expired (its manual, "Errors", group 3).
BAD_TOKEN = {"PGRST300", "PGRST301", "PGRST302", "PGRST303"}


#: The code of SignedOut when the project's Auth asks for a CAPTCHA.
CAPTCHA = "captcha_failed"


class SignedOut(StoreError):  # noqa: N818 - reads as what it is
    """Raised when Supabase does not accept a sign-in, or no longer does."""


class Tokens(msgspec.Struct, frozen=True):
    """A user's sign-in. `expires_at` in unix seconds."""

    access_token: str
    refresh_token: str
    expires_at: float
    email: str


class Factor(msgspec.Struct, frozen=True):
    """A user's second factor: `totp`, `phone` or `webauthn`; its status is `verified` once it is set up."""

    id: str
    factor_type: str
    status: str


async def _anything_fits() -> None:
    pass


class Supabase:
    """A project's REST and Auth APIs. Connects at the first call. `fits` first checks the SQL's version.

    Every method raises StoreUnavailable when Supabase does not respond, SignedOut for a token that it does not accept,
    and StoreError when it rejects the call for another reason.
    """

    def __init__(self, settings: Settings, *, fits: Callable[[], Awaitable[None]] = _anything_fits) -> None:
        self._settings = settings
        self._fits = fits
        self._client: httpx.AsyncClient | None = None
        self._refreshes: dict[str, asyncio.Task[Tokens]] = {}

    async def call(self, token: str, function: str, arguments: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - whatever the function returns
        """Call a function of the database."""
        try:
            body = exact.encode(dict(arguments or {}))
        except ValueError as exc:
            raise StoreError(f"a value cannot be sent ({exc})", code=UNSENDABLE) from None
        return self._read(await self._ask("POST", f"/rest/v1/rpc/{function}", token, JSON, content=body), float)

    async def rows(self, token: str, table: str, **parameters: str) -> list[dict[str, Any]]:
        """Return rows of a table, with Decimals for fractions; `parameters` as PostgREST has them."""
        try:
            query = urlencode(parameters, quote_via=quote)
        except UnicodeEncodeError:
            raise StoreError("a value cannot be sent (it has half of a surrogate pair)", code=UNSENDABLE) from None
        return list(self._read(await self._ask("GET", f"/rest/v1/{table}?{query}", token)))

    async def sign_in(self, email: str, password: str) -> tuple[Tokens, list[Factor]]:
        """Return a user's tokens and second factors: with a second factor, the tokens are not enough."""
        body = {"email": email, "password": password}
        return _proof(await self.granted("/auth/v1/token", self._settings.anon_key, body, grant_type="password"), email)

    async def exchange(self, code: str, verifier: str) -> tuple[Tokens, list[Factor]]:
        """Return what `sign_in` does, for the code of a redirect and its PKCE verifier."""
        body = {"auth_code": code, "code_verifier": verifier}
        return _proof(await self.granted("/auth/v1/token", self._settings.anon_key, body, grant_type="pkce"))

    async def verify(self, tokens: Tokens, factor: str, code: str) -> Tokens:
        """Return tokens of the level aal2 for a factor's code. Raises SignedOut, with code 422 for a wrong code."""
        path = f"/auth/v1/factors/{factor}"
        challenge = await self.granted(f"{path}/challenge", tokens.access_token, {})
        body = {"challenge_id": str(challenge["id"]), "code": code}
        return _tokens(await self.granted(f"{path}/verify", tokens.access_token, body), tokens.email)

    async def refresh(self, tokens: Tokens) -> Tokens:
        """Refresh tokens. Concurrent requests with the same old tokens share one refresh."""
        old = tokens.refresh_token
        if old not in self._refreshes:
            self._refreshes[old] = asyncio.create_task(self._refresh(old, tokens.email))
            self._refreshes[old].add_done_callback(lambda task: self._refreshed(old, task))
        # a browser that disconnects cancels only its own request
        return await asyncio.shield(self._refreshes[old])

    async def _refresh(self, old: str, email: str) -> Tokens:
        body = {"refresh_token": old}
        return _tokens(
            await self.granted("/auth/v1/token", self._settings.anon_key, body, grant_type="refresh_token"), email
        )

    def _refreshed(self, old: str, task: asyncio.Task[Tokens]) -> None:
        if task.cancelled() or task.exception():
            self._refreshes.pop(old, None)
        else:
            asyncio.get_running_loop().call_later(SHARED_SECONDS, self._refreshes.pop, old, None)

    async def sign_out(self, token: str) -> None:
        """End a sign-in at Supabase too."""
        await self._ask("POST", "/auth/v1/logout?scope=local", token)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def granted(self, path: str, token: str, body: dict[str, str], **parameters: str) -> dict[str, Any]:
        """Ask Supabase Auth for tokens in exchange for credentials; raise SignedOut when it rejects them."""
        try:
            content = json.dumps(body).encode()
            query = f"?{urlencode(parameters)}" if parameters else ""
            return dict(self._read(await self._ask("POST", f"{path}{query}", token, JSON, content=content)))
        except (StoreUnavailable, SignedOut):
            raise
        except StoreDenied as exc:
            if token != self._settings.anon_key:
                raise SignedOut("Supabase Auth does not accept this session", code=exc.code) from exc
            # our own key, not the user
            raise StoreUnavailable(f"Supabase does not accept SUPABASE_ANON_KEY: {exc}", code=exc.code) from exc
        except StoreError as exc:
            code = CAPTCHA if "captcha" in str(exc).lower() else exc.code
            raise SignedOut("Supabase did not accept the sign-in", code=code) from exc

    async def _ask(
        self, method: str, path: str, token: str, more: Mapping[str, str] = NO_HEADERS, content: str | bytes = b""
    ) -> httpx.Response:
        # anyone may have the anon key: at REST, which gets our key as well, it would pass for ours
        ours = token == (self._settings.anon_key if path.startswith("/auth/") else self._settings.service_key)
        if not ours and not is_access_token(token):
            raise SignedOut("this is not a Supabase access token; sign in again", code="401")
        if path.startswith("/rest/"):
            await self._fits()
        response = await self._send(method, path, token, more, content)
        if response.is_success:
            return response
        raise refused(response) if ours else _error(response)

    async def auth(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """Ask Supabase Auth, as someone who has not signed in. Returns its response, an error or a redirect too."""
        content, more = (b"", NO_HEADERS) if body is None else (json.dumps(body).encode(), JSON)
        return await self._send(method, f"/auth/v1/{path}", self._settings.anon_key, more, content)

    async def _send(
        self, method: str, path: str, token: str, more: Mapping[str, str], content: str | bytes
    ) -> httpx.Response:
        if self._client is None:
            self._client = httpx.AsyncClient(base_url=self._settings.supabase_url, timeout=CALL_TIMEOUT)
        # the key tells the project's gateway who we are; the token says as whom Postgres runs the request. Auth checks
        # less when the service key is sent: no CAPTCHA, for example
        key = self._settings.anon_key if path.startswith("/auth/") else self._settings.service_key
        headers = {"apikey": key, "Authorization": f"Bearer {token}", **more}
        try:
            return await self._client.request(method, path, headers=headers, content=content)
        except httpx.HTTPError as exc:
            raise StoreUnavailable(f"Supabase did not respond ({type(exc).__name__})") from exc

    @staticmethod
    def _read(response: httpx.Response, fraction: Callable[[str], object] | None = None) -> Any:  # noqa: ANN401 - JSON
        try:
            return exact.decode(response.content, fraction) if response.content else None
        except ValueError as exc:
            # a maintenance page with status 200, for example
            raise StoreUnavailable(f"the response is not from Supabase's API ({type(exc).__name__})") from None


def _proof(response: dict[str, Any], email: str = "") -> tuple[Tokens, list[Factor]]:
    factors = msgspec.convert((response.get("user") or {}).get("factors") or [], list[Factor])
    return _tokens(response, email), [factor for factor in factors if factor.status == "verified"]


def _tokens(response: dict[str, Any], email: str) -> Tokens:
    return Tokens(
        access_token=response["access_token"],
        refresh_token=response["refresh_token"],
        expires_at=time.time() + float(response["expires_in"]),
        email=(response.get("user") or {}).get("email") or email,
    )


def _error(response: httpx.Response) -> StoreError:
    error = refused(response)
    if response.status_code == httpx.codes.UNAUTHORIZED or error.code in BAD_TOKEN:
        return SignedOut("Supabase does not accept the token; sign in again", code=error.code)
    return error
