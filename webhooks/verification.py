"""Why a request's signature does not verify: another secret, a changed body, changed headers or an old timestamp."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.durations import short
from supabase_webhooks.webhooks.errors import SecretError
from supabase_webhooks.webhooks.signing import (
    PREFIX,
    PRIVATE_PREFIX,
    PUBLIC_PREFIX,
    body_signature_matches,
    key_bytes,
    standard_signature_matches,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The headers of the two schemes, in lower case.
STANDARD, PLAIN, TIMESTAMP = "webhook-signature", "x-webhook-signature", "webhook-timestamp"

#: Secrets that are keys of an asymmetric signature, which only `webhook-signature` holds.
ASYMMETRIC = (PRIVATE_PREFIX, PUBLIC_PREFIX)


@dataclass(frozen=True)
class Check:
    """What one header says. "skipped": it says nothing about this secret."""

    header: str
    status: Literal["ok", "problem", "skipped"]
    text: str


@dataclass(frozen=True)
class Request:
    """A request as it was received, its headers in lower case. `sent`: the body as the sender has it, if known."""

    headers: Mapping[str, str]
    body: bytes
    sent: bytes | None = None


def verify(secret: str, request: Request, *, now: float, tolerance: float | None) -> list[Check]:
    """Return what each header of a request says of a secret; it verifies if none is a problem.

    `tolerance`: seconds by which `webhook-timestamp` may differ from `now`; None: any. While a secret is rotated,
    `X-Webhook-Signature` is that of the old one: a `webhook-signature` that matches decides.
    Raise SecretError for a broken secret.
    """
    if not secret.startswith(ASYMMETRIC):
        key_bytes(secret)
    headers = request.headers
    given = [name for name in (STANDARD, PLAIN) if name in headers]
    if not given:
        return [Check(STANDARD, "problem", "it has no signature: does the endpoint have a secret?")]
    matching = {name for name in given if _matches(name, secret, headers, request.body)}
    checks = [_signature(name, secret, request, matching) for name in given]
    return [*checks, *_timestamp(headers, now=now, tolerance=tolerance)] if STANDARD in given else checks


def _matches(name: str, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    if name == PLAIN:
        return not secret.startswith(ASYMMETRIC) and body_signature_matches(secret, headers[PLAIN], body)
    signed = f"{headers.get('webhook-id', '')}.{headers.get(TIMESTAMP, '')}.".encode() + body
    return standard_signature_matches(secret, headers[STANDARD], signed)


def _signature(name: str, secret: str, request: Request, matching: set[str]) -> Check:
    if name in matching:
        return Check(name, "ok", "matches this secret")
    if name == PLAIN and secret.startswith(ASYMMETRIC):
        return Check(name, "skipped", "is that of a shared secret")
    if name == PLAIN and STANDARD in matching:
        return Check(name, "skipped", "is that of another secret: the old one, until a rotation's overlap ends")
    return Check(name, "problem", _cause(name, secret, request, matching))


def _cause(name: str, secret: str, request: Request, matching: set[str]) -> str:
    headers, body, sent = request.headers, request.body, request.sent
    if PLAIN in matching:
        return "the secret and the body are right, so webhook-id or webhook-timestamp is not the one that was signed"
    for what, other in _bodies(body):
        if _matches(name, secret, headers, other):
            return f"the body was changed: {what}. Verify the bytes as they arrive, before they are parsed"
    for what, key in _secrets(secret):
        # one that cannot be is not the one
        with suppress(SecretError):
            if _matches(name, key, headers, body):
                return f"wrong secret: {what}"
    if sent is None:
        return "wrong secret, or the body was changed; to know which, add --compare"
    if _matches(name, secret, headers, sent):
        return f"the body was changed: {_difference(sent, body)}"
    return "wrong secret: it matches neither this body nor the one that was sent"


def _bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield bodies from which programs make the given one, with what they did."""
    if (stripped := body.rstrip(b"\r\n")) != body:
        yield "it got a newline at its end", stripped
    yield "it lost a newline at its end", body + b"\n"
    yield "its lines end otherwise", body.replace(b"\r\n", b"\n")
    try:
        compact = exact.compact(body.decode())
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    yield "its white space differs, as after parsing it and writing it again", compact.encode()
    unescaped = exact.encode(exact.decode(compact))
    yield "its characters are escaped, as after parsing it and writing it again", unescaped.encode()


def _secrets(secret: str) -> Iterator[tuple[str, str]]:
    """Yield secrets that people have when they give this one, with what is wrong with it."""
    yield "it has white space around it", secret.strip()
    yield f"it lacks its beginning, {PREFIX}", PREFIX + secret
    yield f"it does not begin with {PREFIX}", secret.removeprefix(PREFIX)
    yield "it is in quotation marks", secret.strip("\"'")


def _difference(sent: bytes, received: bytes) -> str:
    place = next((n for n, (a, b) in enumerate(zip(sent, received, strict=False)) if a != b), None)
    if place is None:
        return f"{len(sent):,} bytes were sent, these are {len(received):,}"
    return f"it differs from what was sent at byte {place + 1:,} of {len(sent):,}"


def _timestamp(headers: Mapping[str, str], *, now: float, tolerance: float | None) -> Iterator[Check]:
    text = headers.get(TIMESTAMP, "")
    if not (text.isascii() and text.isdigit()):
        yield Check(TIMESTAMP, "problem", "is missing" if not text else "is not a number of seconds")
        return
    age = now - int(text)
    told = f"{short(abs(age))} {'ago' if age >= 0 else 'ahead of this clock'}"
    if tolerance is None or abs(age) <= tolerance:
        yield Check(TIMESTAMP, "ok", told)
        return
    cause = "the request is old, or sent again by someone else" if age >= 0 else "a clock is wrong"
    yield Check(TIMESTAMP, "problem", f"{told}, more than the {short(tolerance)} that are accepted: {cause}")
