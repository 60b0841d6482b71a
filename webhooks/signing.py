"""Signatures: the platform's own header, and Standard Webhooks.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (v1.0.0),
"Signature scheme" and "Webhook headers".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache
from secrets import token_bytes
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from supabase_webhooks.webhooks.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The prefix of a secret whose bytes follow in base64 (Standard Webhooks, "Signature scheme").
PREFIX = "whsec_"

#: Mark the two keys of an asymmetric signature.
PRIVATE_PREFIX, PUBLIC_PREFIX = "whsk_", "whpk_"


def generate_secret() -> str:
    """Return a new secret: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(token_bytes(32)).decode()


def generate_key_pair() -> tuple[str, str]:
    """Return a new ed25519 key pair: `whsk_` to sign with, `whpk_` for receivers to verify with."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    return (
        PRIVATE_PREFIX + base64.b64encode(private.private_bytes_raw()).decode(),
        PUBLIC_PREFIX + base64.b64encode(public.public_bytes_raw()).decode(),
    )


def key_bytes(secret: str) -> bytes:
    """Return the bytes of a secret for Standard Webhooks; raise SecretError when base64 is broken."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SecretError(
            "the endpoint's secret_key starts with whsec_ but no valid base64 follows; create one with: webhooks secret"
        ) from None


#: Seconds by which webhook-timestamp may differ from the clock (Standard Webhooks' libraries: five minutes).
TOLERANCE = 300


def verification_problem(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> str | None:
    """Return why a request, with its headers in lower case, is not signed with a secret, or None.

    `webhook-signature` decides if it is there: while a secret is rotated, X-Webhook-Signature is that of the old one.
    Raise SecretError for a broken secret.
    """
    plain, standard = headers.get("x-webhook-signature"), headers.get("webhook-signature")
    if plain is None and standard is None:
        return "it has no signature: does the endpoint have a secret_key?"
    problem = _standard_problem(secret, headers, body, now=now) if standard is not None else None
    if plain is not None and (problem or standard is None) and not body_signature_matches(secret, plain, body):
        return "X-Webhook-Signature does not match this secret"
    return problem


def _standard_problem(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> str | None:
    delivery_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()):
        return "webhook-timestamp is not a number"
    if abs(now - int(timestamp)) > TOLERANCE:
        return "webhook-timestamp is more than five minutes off: is a clock wrong?"
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    if not standard_signature_matches(secret, headers["webhook-signature"], signed):
        return "webhook-signature does not match this secret"
    return None


def standard_signature_matches(secret: str, signatures: str, signed: bytes) -> bool:
    """Return whether one of the signatures in `webhook-signature` is a secret's: shared, `whpk_` or `whsk_`.

    `signed`: `id.timestamp.body`. Raise SecretError for a broken secret.
    """
    given = signatures.split(" ")
    if secret.startswith((PUBLIC_PREFIX, PRIVATE_PREFIX)):
        key = _public_key(secret)
        return any(_signed_by(key, one.removeprefix("v1a,"), signed) for one in given if one.startswith("v1a,"))
    expected = f"v1,{base64.b64encode(hmac.digest(key_bytes(secret), signed, hashlib.sha256)).decode()}"
    return any([hmac.compare_digest(one.encode(), expected.encode()) for one in given])  # noqa: C419 - all are compared


def body_signature_matches(secret: str, signature: str, body: bytes) -> bool:
    """Return whether `X-Webhook-Signature` is a shared secret's."""
    expected = f"sha256={hmac.digest(secret.encode(), body, hashlib.sha256).hex()}"
    return hmac.compare_digest(signature.encode(), expected.encode())


def _signed_by(key: Ed25519PublicKey, signature: str, signed: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), signed)
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True


def _public_key(secret: str) -> Ed25519PublicKey:
    if secret.startswith(PRIVATE_PREFIX):
        return _private_key(secret).public_key()
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(secret.removeprefix(PUBLIC_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        raise SecretError(
            "the key starts with whpk_ but no ed25519 key in base64 follows; it is printed with the endpoint's "
            "whsk_ key by: webhooks secret --ed25519"
        ) from None


def signature_headers(secrets: Sequence[str], delivery_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return a delivery's identity and signature headers; `timestamp` in unix seconds, of this attempt.

    Each secret signs for Standard Webhooks, the newest first: `v1` by HMAC-SHA256, `v1a` by ed25519 if it is a
    `whsk_` key. `X-Webhook-Signature` holds one signature: that of the oldest shared secret, which stays until a
    rotation's overlap ends, whole and as text, as the platform's receivers have always verified it. Without a secret
    only `webhook-id` and `webhook-timestamp` are given. Raise SecretError for a broken secret.
    """
    headers = {"webhook-id": delivery_id, "webhook-timestamp": str(timestamp)}
    shared = next((secret for secret in reversed(secrets) if not secret.startswith(PRIVATE_PREFIX)), None)
    if shared:
        headers["X-Webhook-Signature"] = f"sha256={hmac.digest(shared.encode(), body, hashlib.sha256).hex()}"
    if secrets:
        signed = f"{delivery_id}.{timestamp}.".encode() + body
        headers["webhook-signature"] = " ".join(_signature(secret, signed) for secret in secrets)
    return headers


def _signature(secret: str, signed: bytes) -> str:
    if secret.startswith(PRIVATE_PREFIX):
        return f"v1a,{base64.b64encode(_private_key(secret).sign(signed)).decode()}"
    return f"v1,{base64.b64encode(hmac.digest(key_bytes(secret), signed, hashlib.sha256)).decode()}"


@lru_cache(maxsize=10_000)
def _private_key(secret: str) -> Ed25519PrivateKey:
    try:
        key = base64.b64decode(secret.removeprefix(PRIVATE_PREFIX), validate=True)
        # libsodium appends the public key to the 32 bytes
        return Ed25519PrivateKey.from_private_bytes(key[:32] if len(key) == 64 else key)  # noqa: PLR2004
    except (binascii.Error, ValueError):
        raise SecretError(
            "the endpoint's secret_key starts with whsk_ but no ed25519 key in base64 follows; "
            "create one with: webhooks secret --ed25519"
        ) from None
