"""Supabase Auth's second factors before a Supabase Lite that has none: its API, with codes of RFC 6238.

As supabase/auth has them (internal/api/mfa.go): POST /factors/ID/challenge, then POST /factors/ID/verify returns a
session of the level aal2. The rest is passed on.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt

from devstack.receiver import Reply
from tests.e2e.proxy import Proxy

if TYPE_CHECKING:
    from devstack.supabase_lite import SupabaseLite

#: Seconds for which a code is shown; the ones before and after are accepted, too.
PERIOD = 30


def totp(secret: str, step: int = 0) -> str:
    """Return the code of an authenticator app, now or this many steps from now."""
    count = struct.pack(">Q", int(time.time()) // PERIOD + step)
    digest = hmac.digest(base64.b32decode(secret), count, hashlib.sha1)
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


class SecondFactors(Proxy):
    """A proxy that knows factors: `enroll` gives a user one."""

    def __init__(self, supabase: SupabaseLite) -> None:
        super().__init__(supabase.url)
        self._secret = supabase.keys.jwt_secret
        self._factors: dict[str, dict[str, str]] = {}
        self._challenges: dict[str, str] = {}
        self._refresh: dict[str, str] = {}
        #: Sessions of the level aal2, by refresh token.
        self._given: set[str] = set()
        #: What came with each request for a token: its `apikey`.
        self.keys: list[str] = []

    def enroll(self, user: str, kind: str = "totp", status: str = "verified") -> str:
        """Give a user a factor; return its secret."""
        secret = base64.b32encode(uuid4().bytes).decode().rstrip("=") + "AAAAAA"
        self._factors[str(uuid4())] = {"user": user, "kind": kind, "status": status, "secret": secret}
        return secret

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        lower = {name.lower(): value for name, value in headers.items()}
        token = lower.get("authorization", "").removeprefix("Bearer ")
        if path.startswith("/auth/v1/factors/"):
            self.asked.append(path)
            return self._factor(path.split("/")[4], path.split("/")[5], token, json.loads(body or b"{}"))
        reply = super()._answer(method, path, headers, body)
        if not path.startswith("/auth/v1/token") or reply.status != 200:
            return reply
        self.keys.append(lower["apikey"])
        session = json.loads(reply.body)
        user = session["user"]["id"]
        session["user"]["factors"] = [
            {"id": id_, "factor_type": one["kind"], "status": one["status"], "friendly_name": "phone"}
            for id_, one in self._factors.items()
            if one["user"] == user
        ]
        if json.loads(body).get("refresh_token") in self._given:
            session = self._second(session)
        self._refresh[session["access_token"]] = session["refresh_token"]
        return Reply(200, json.dumps(session).encode(), reply.headers)

    def _factor(self, id_: str, what: str, token: str, body: dict[str, Any]) -> Reply:
        try:
            claims = jwt.decode(token, self._secret, algorithms=["HS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return _error(403, "bad_jwt", "invalid JWT")
        factor = self._factors.get(id_)
        if factor is None or factor["user"] != claims["sub"]:
            return _error(404, "mfa_factor_not_found", "Factor not found")
        if what == "challenge":
            challenge = str(uuid4())
            self._challenges[challenge] = id_
            return _json({"id": challenge, "type": factor["kind"], "expires_at": int(time.time()) + 300})
        if self._challenges.get(body["challenge_id"]) != id_:
            return _error(422, "mfa_challenge_expired", "MFA challenge has expired")
        if body["code"] not in {totp(factor["secret"], step) for step in (-1, 0, 1)}:
            return _error(422, "mfa_verification_failed", "Invalid TOTP code entered")
        user = {"id": claims["sub"], "email": claims["email"]}
        session = {"access_token": token, "refresh_token": self._refresh[token], "expires_in": 3600, "user": user}
        return _json(self._second(session))

    def _second(self, session: dict[str, Any]) -> dict[str, Any]:
        claims = jwt.decode(session["access_token"], options={"verify_signature": False})
        self._given.add(session["refresh_token"])
        return {**session, "access_token": jwt.encode({**claims, "aal": "aal2"}, self._secret, algorithm="HS256")}


def _json(body: dict[str, Any], status: int = 200) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _error(status: int, code: str, message: str) -> Reply:
    return _json({"code": status, "error_code": code, "msg": message}, status)
