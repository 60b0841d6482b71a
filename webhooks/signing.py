"""Signatures: the platform's own header, and Standard Webhooks beside it.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (v1.0.0),
"Signature scheme" and "Webhook headers".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from secrets import token_bytes
from typing import TYPE_CHECKING

from webhooks.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Marks a secret whose bytes follow in base64 (Standard Webhooks, "Signature scheme").
PREFIX = "whsec_"


def generate_secret() -> str:
    """Return a new secret: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(token_bytes(32)).decode()


def key_bytes(secret: str) -> bytes:
    """Return the bytes of a secret for Standard Webhooks; raise SecretError when base64 is broken."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SecretError(
            "the endpoint's secret_key starts with whsec_ but no valid base64 follows; make one with: webhooks secret"
        ) from None


#: Seconds by which webhook-timestamp may differ from the clock (Standard Webhooks' libraries: five minutes).
TOLERANCE = 300


def verification_problem(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> str | None:
    """Return why a request, with its headers in lower case, is not signed with a secret, or None.

    Of the two signatures each that is there must be right, and one must be there. Raise SecretError for a broken
    secret.
    """
    plain, standard = headers.get("x-webhook-signature"), headers.get("webhook-signature")
    if plain is None and standard is None:
        return "it carries no signature: has the endpoint a secret_key?"
    if plain is not None:
        expected = f"sha256={hmac.digest(secret.encode(), body, hashlib.sha256).hex()}"
        if not hmac.compare_digest(plain.encode(), expected.encode()):
            return "X-Webhook-Signature is not this secret's"
    if standard is not None:
        delivery_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not (timestamp.isascii() and timestamp.isdigit()):
            return "webhook-timestamp is no number"
        if abs(now - int(timestamp)) > TOLERANCE:
            return "webhook-timestamp is more than five minutes away: is a clock wrong?"
        signed = f"{delivery_id}.{timestamp}.".encode() + body
        expected = f"v1,{base64.b64encode(hmac.digest(key_bytes(secret), signed, hashlib.sha256)).decode()}"
        given = standard.split(" ")
        if not any([hmac.compare_digest(one.encode(), expected.encode()) for one in given]):  # noqa: C419 - all are compared
            return "webhook-signature is not this secret's"
    return None


def signature_headers(secrets: Sequence[str], delivery_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return a delivery's identity and signature headers; `timestamp` in unix seconds, of this attempt.

    Each secret signs for Standard Webhooks, the newest first. `X-Webhook-Signature` uses the newest, whole and as
    text, as the platform's receivers have always verified it. Without a secret only `webhook-id` and
    `webhook-timestamp` are given. Raise SecretError for a broken secret.
    """
    headers = {"webhook-id": delivery_id, "webhook-timestamp": str(timestamp)}
    if secrets:
        signed = f"{delivery_id}.{timestamp}.".encode() + body
        headers["X-Webhook-Signature"] = f"sha256={hmac.digest(secrets[0].encode(), body, hashlib.sha256).hex()}"
        headers["webhook-signature"] = " ".join(
            f"v1,{base64.b64encode(hmac.digest(key_bytes(secret), signed, hashlib.sha256)).decode()}"
            for secret in secrets
        )
    return headers
