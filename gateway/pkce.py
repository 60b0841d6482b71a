"""Sign-ins that leave this page and come back with a code: OAuth, and links by e-mail, with PKCE (RFC 7636).

The browser that asked keeps the verifier in a cookie. A code that another browser asked for is worth nothing to it.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from supabase_webhooks.gateway.supabase import CAPTCHA, SignedOut, Supabase
from supabase_webhooks.webhooks.refusals import refused

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

#: Seconds for which a redirect that Supabase Auth allows is not asked about again: it counts verifications by address.
ALLOWED_SECONDS = 300

#: Supabase Auth's responses that do not depend on the account: it looks for the account after these checks.
BEFORE_THE_ACCOUNT = {"captcha_failed", "over_request_rate_limit"}
NOT_AUTH = {401, 502, 503, 504}


def new_verifier() -> str:
    """Return a verifier of 256 random bits, in 43 characters (section 4.1)."""
    return secrets.token_urlsafe(32)


def challenge(verifier: str) -> str:
    """Return the challenge for a verifier, by S256 (section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class Redirects:
    """Supabase Auth's redirects. Methods raise StoreUnavailable when it does not respond."""

    def __init__(self, supabase: Supabase) -> None:
        self._supabase = supabase
        self._allowed = ("", 0.0)

    async def allowed(self, callback: str) -> bool:
        """Return whether Supabase Auth leads back to this address, and not to the project's site instead.

        It is asked to verify a link that does not exist: it redirects with the error to where it would lead.
        """
        if self._allowed[0] == callback and time.monotonic() < self._allowed[1]:
            return True
        query = urlencode({"token": "pkce_none", "type": "magiclink", "redirect_to": callback})
        response = await self._supabase.auth("GET", f"verify?{query}")
        if not response.is_redirect:
            # another version, or too many checks: the person may try
            logger.info("Supabase Auth did not say whether it redirects to %s", callback)
            return True
        if response.headers["location"].partition("?")[0].partition("#")[0] != callback:
            return False
        self._allowed = (callback, time.monotonic() + ALLOWED_SECONDS)
        return True

    async def provider(self, name: str, verifier: str, callback: str) -> str:
        """Return the provider's address for a new sign-in. Raises StoreError when Supabase Auth starts none."""
        query = {"provider": name, "redirect_to": callback, **_challenge(verifier)}
        # asked here and not by the browser, which may not reach SUPABASE_URL and could not be told about an error
        response = await self._supabase.auth("GET", f"authorize?{urlencode(query)}")
        location = str(response.headers.get("location", ""))
        if response.is_redirect and location.startswith(("https://", "http://")):
            return location
        raise refused(response)

    async def send_link(self, email: str, verifier: str, callback: str) -> None:
        """Have a link mailed to an account that exists. Returns None, whether it exists or not.

        Raises SignedOut with code CAPTCHA, StoreUnavailable with code 429, and StoreError for a wrong key.
        """
        body = {"email": email, "create_user": False, **_challenge(verifier)}
        response = await self._supabase.auth("POST", f"otp?{urlencode({'redirect_to': callback})}", body)
        code = _error_code(response)
        if response.is_success or code == "otp_disabled":
            return
        if code == "captcha_failed" or (not code and "captcha" in response.text.lower()):
            raise SignedOut("Supabase Auth requires a CAPTCHA", code=CAPTCHA)
        if code in BEFORE_THE_ACCOUNT or response.status_code in NOT_AUTH:
            raise refused(response)
        # the rest is checked for accounts that exist, and so only the log says it
        logger.warning(
            "Supabase Auth sent no sign-in link (%s, %s): see its logs in Supabase", response.status_code, code or "-"
        )


def _challenge(verifier: str) -> dict[str, str]:
    return {"code_challenge": challenge(verifier), "code_challenge_method": "s256"}


def _error_code(response: httpx.Response) -> str:
    try:
        found = msgspec.json.decode(response.content, type=dict[str, object])
    except msgspec.DecodeError:
        return ""
    return str(found.get("error_code") or "")
