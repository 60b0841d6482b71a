"""A user's session with Supabase Auth: sign in, refresh, sign out.

Source: https://supabase.com/docs/reference/self-hosting-auth (`/token`, `/factors`, `/logout`).
"""

from __future__ import annotations

import time
from typing import Any

import httpx
import msgspec

from supabase_webhooks.webhooks.errors import StoreUnavailable
from supabase_webhooks.webhooks.refusals import refused

#: Seconds for one call.
TIMEOUT = 30

#: Seconds before its end at which an access token is refreshed: no call takes longer.
EARLY = 60


class Session(msgspec.Struct, frozen=True, tag="session"):
    """A signed-in user. `expires_at`: unix seconds, of the access token."""

    publishable_key: str
    email: str
    access_token: str
    refresh_token: str
    expires_at: float

    def __repr__(self) -> str:
        """Return no token."""
        return f"Session(email={self.email!r})"

    @property
    def ends_soon(self) -> bool:
        """Whether the access token has to be refreshed."""
        return self.expires_at - EARLY < time.time()


def sign_in(url: str, publishable_key: str, email: str, password: str) -> tuple[Session, list[str]]:
    """Return a session and the ids of the user's authenticator apps: with one, it needs `verify`.

    Raises StoreError for a wrong password, StoreUnavailable when Auth does not respond.
    """
    response = _ask(url, "/token?grant_type=password", publishable_key, {"email": email, "password": password})
    factors = (response.get("user") or {}).get("factors") or []
    apps = [one["id"] for one in factors if one["status"] == "verified" and one["factor_type"] == "totp"]
    return _session(response, publishable_key, email), apps


def verify(url: str, session: Session, factor: str, code: str) -> Session:
    """Return a session of the level aal2, for a code of an authenticator app. Raises StoreError for a wrong code."""
    key, token = session.publishable_key, session.access_token
    challenge = _ask(url, f"/factors/{factor}/challenge", key, {}, token=token)
    body = {"challenge_id": challenge["id"], "code": code}
    return _session(_ask(url, f"/factors/{factor}/verify", key, body, token=token), key, session.email)


def refresh(url: str, session: Session) -> Session:
    """Return a session with new tokens. Raises StoreError when it has ended."""
    key = session.publishable_key
    response = _ask(url, "/token?grant_type=refresh_token", key, {"refresh_token": session.refresh_token})
    return _session(response, key, session.email)


def sign_out(url: str, session: Session) -> None:
    """End this session, and no other one of the user. Raises StoreError when it has ended already."""
    _ask(url, "/logout?scope=local", session.publishable_key, {}, token=session.access_token)


def _session(response: dict[str, Any], key: str, email: str) -> Session:
    try:
        return Session(
            key, email, response["access_token"], response["refresh_token"], time.time() + float(response["expires_in"])
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise StoreUnavailable(f"the response is not from Supabase Auth ({type(exc).__name__})") from None


def _ask(url: str, path: str, key: str, body: dict[str, Any], *, token: str = "") -> dict[str, Any]:
    headers = {"apikey": key} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        response = httpx.post(f"{url.rstrip('/')}/auth/v1{path}", headers=headers, json=body, timeout=TIMEOUT)
    except httpx.HTTPError as exc:
        raise StoreUnavailable(f"Supabase Auth did not respond ({type(exc).__name__}); is the URL right?") from None
    if not response.is_success:
        raise refused(response, "Supabase Auth")
    try:
        return msgspec.json.decode(response.content or b"{}", type=dict[str, Any])
    except msgspec.DecodeError:
        raise StoreUnavailable("the response is not from Supabase Auth") from None
