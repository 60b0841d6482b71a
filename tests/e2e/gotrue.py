"""Supabase Auth's sign-ins by link and OAuth before a Supabase Lite that mails nothing and knows no provider.

As supabase/auth has them (internal/api: settings.go, otp.go, verify.go, external.go, token.go, pkce.go): `/settings`,
`/otp`, `/verify`, `/authorize`, `/callback` and `/token?grant_type=pkce`, with their errors and their redirects. The
provider has a page of its own, on another host. The rest is passed on, and has second factors.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from uuid import uuid4

from devstack.receiver import Reply
from tests.e2e.mfa import SecondFactors

if TYPE_CHECKING:
    from devstack.admins import Account
    from devstack.supabase_lite import SupabaseLite

#: HTTP status to OAuth's word for it (errors.go); another status has none.
WORDS = {400: "invalid_request", 401: "unauthorized_client", 403: "access_denied", 500: "server_error"}

EXPIRED = (403, "otp_expired", "Email link is invalid or has expired")


@dataclass
class Flow:
    """A sign-in in progress (models/flow_state.go)."""

    challenge: str
    referrer: str
    code: str
    email: str | None = None


class Auth(SecondFactors):
    """A proxy. `mails`: the links that were sent, by address. `hold`: no mail is sent before it is set."""

    def __init__(self, supabase: SupabaseLite, *accounts: Account) -> None:
        super().__init__(supabase)
        self.passwords = {account.email: account.password for account in accounts}
        self.external: dict[str, object] = {"email": True, "phone": True, "google": True, "github": True}
        #: Addresses that it may redirect to; None: any.
        self.allowed: set[str] | None = None
        #: Why no mail is sent to an account that exists, if none is.
        self.mailer: tuple[int, str, str] | None = None
        self.hold = threading.Event()
        self.hold.set()
        self.mails: dict[str, str] = {}
        self.codes: list[str] = []
        self.signups = True
        self._links: dict[str, str] = {}
        self._flows: list[Flow] = []

    @property
    def site_url(self) -> str:
        """The app's own page."""
        return f"{self.url}/app"

    def expire(self) -> None:
        """Let an hour pass, for the links."""
        self._links.clear()

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        split = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        given = json.loads(body) if method == "POST" and body.startswith(b"{") else {}
        route = split.path.removeprefix("/auth/v1")
        if self._rejected(path):
            return super()._answer(method, path, headers, body)
        if (found := {"/settings": self._settings, "/otp": self._otp, "/verify": self._verify,
                      "/authorize": self._authorize, "/callback": self._callback, "/provider": self._provider,
                      "/app": self._app}.get(route)):  # fmt: skip
            self.asked.append(path)
            return found(query, given)
        if route == "/token" and query["grant_type"] == "pkce":
            return self._token(given, headers)
        return super()._answer(method, path, headers, body)

    def _settings(self, _: dict[str, str], __: dict[str, Any]) -> Reply:
        return _json({"external": self.external, "disable_signup": not self.signups, "mailer_autoconfirm": False})

    def _otp(self, query: dict[str, str], given: dict[str, Any]) -> Reply:
        email = given["email"].lower()
        if email not in self.passwords and not given["create_user"]:
            return _error(422, "otp_disabled", "Signups not allowed for otp")
        self.hold.wait(120)
        if self.mailer:
            return _error(*self.mailer)
        self._flows.append(Flow(given["code_challenge"], "", str(uuid4()), email))
        token = f"pkce_{hashlib.sha224(uuid4().bytes).hexdigest()}"
        self._links = {old: to for old, to in self._links.items() if to != email} | {token: email}
        asked = {"token": token, "type": "magiclink", "redirect_to": self._referrer(query)}
        self.mails[email] = f"{self.url}/auth/v1/verify?{urlencode(asked)}"
        return _json({})

    def _verify(self, query: dict[str, str], _: dict[str, Any]) -> Reply:
        target = self._referrer(query)
        email = self._links.pop(query["token"], None)
        if email is None:
            return _redirect(target, *EXPIRED)
        # the newest of the account
        flow = next(flow for flow in reversed(self._flows) if flow.email == email and not flow.referrer)
        self.codes.append(flow.code)
        return _to(f"{target}?code={flow.code}")

    def _authorize(self, query: dict[str, str], _: dict[str, Any]) -> Reply:
        if self.external.get(query["provider"]) is not True:
            return _error(400, "validation_failed", "Unsupported provider: provider is not enabled")
        if query["code_challenge_method"] != "s256" or not 43 <= len(query["code_challenge"]) <= 128:
            return _error(400, "validation_failed", "code challenge has to be between 43 and 128 characters")
        self._flows.append(Flow(query["code_challenge"], self._referrer(query), str(uuid4())))
        return _to(f"{self.url.replace('127.0.0.1', 'localhost')}/provider?state={len(self._flows) - 1}")

    def _provider(self, query: dict[str, str], _: dict[str, Any]) -> Reply:
        back = f"{self.url}/auth/v1/callback?state={quote(query['state'])}"
        denied = f"{back}&error=access_denied&error_description=%3Cb%3Ethe+user+declined%3C%2Fb%3E"
        links = "".join(f'<p><a href="{back}&code={email}">{email}</a></p>' for email in [*self.passwords, "new@x.org"])
        page = f'<!doctype html><title>Provider</title>{links}<p><a href="{denied}">Cancel</a></p>'
        return Reply(200, page.encode(), {"Content-Type": "text/html"})

    def _callback(self, query: dict[str, str], _: dict[str, Any]) -> Reply:
        flow = self._flows[int(query["state"])]
        if "error" in query:
            return _to(f"{flow.referrer}?{urlencode({k: query[k] for k in ('error', 'error_description')})}")
        if query["code"] not in self.passwords and not self.signups:
            return _redirect(
                flow.referrer, 422, "signup_disabled", "Signups not allowed for this instance", "access_denied"
            )
        flow.email = query["code"]
        self.codes.append(flow.code)
        return _to(f"{flow.referrer}?code={flow.code}")

    def _token(self, given: dict[str, Any], headers: dict[str, str]) -> Reply:
        flow = next((flow for flow in self._flows if flow.code == given["auth_code"] and flow.email), None)
        if flow is None:
            return _error(404, "flow_state_not_found", "invalid flow state, no valid flow state found")
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != flow.challenge:
            return _error(400, "bad_code_verifier", "code challenge does not match previously saved code verifier")
        flow.code = ""
        assert flow.email
        body = {"email": flow.email, "password": self.passwords[flow.email]}
        headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        return super()._answer("POST", "/auth/v1/token?grant_type=password", headers, json.dumps(body).encode())

    def _app(self, _: dict[str, str], __: dict[str, Any]) -> Reply:
        return Reply(200, b"the app", {"Content-Type": "text/plain"})

    def _referrer(self, query: dict[str, str]) -> str:
        wanted = query.get("redirect_to", "")
        return wanted if wanted and (self.allowed is None or wanted in self.allowed) else self.site_url


def _json(body: dict[str, Any], status: int = 200) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _error(status: int, code: str, message: str) -> Reply:
    return _json({"code": status, "error_code": code, "msg": message}, status)


def _to(location: str) -> Reply:
    return Reply(302, b"", {"Location": location})


def _redirect(target: str, status: int, code: str, message: str, word: str | None = None) -> Reply:
    word = word or WORDS.get(status)
    asked = urlencode(
        {"error": word, "error_code": code, "error_description": message} if word else {"error_code": code}
    )
    return _to(f"{target}?{asked}#{asked}&sb=")
