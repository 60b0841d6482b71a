"""Signatures, against the reference library and figures computed by other means."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook

from webhooks.errors import SecretError
from webhooks.signing import generate_secret, key_bytes, signature_headers

BODY = '{"text":"Grüße 🎉"}'.encode()


def test_standardwebhooks_verifies() -> None:
    """The reference library accepts what we sign, with a secret that we made."""
    secret = generate_secret()
    headers = signature_headers([secret], "msg_1", int(time.time()), BODY)
    assert Webhook(secret).verify(BODY, headers) == {"text": "Grüße 🎉"}


def test_a_plain_secret_is_its_utf8_bytes() -> None:
    """A secret that is no whsec_ one signs with its own bytes; the reference library agrees."""
    headers = signature_headers(["geheim-ä"], "msg_1", int(time.time()), BODY)
    Webhook(base64.b64encode("geheim-ä".encode()).decode()).verify(BODY, headers)


def test_the_platforms_own_header() -> None:
    """HMAC-SHA256 of the body with the whole secret as text; the figure is openssl's."""
    # printf '{"a":1}' | openssl dgst -sha256 -hmac whsec_MDEy
    expected = "sha256=7f9ca5dc6ca8da69ce4d4e160f47c8ab70de30e3a93d30e88618a262772cd20e"
    assert signature_headers(["whsec_MDEy"], "id", 1, b'{"a":1}')["X-Webhook-Signature"] == expected


def test_the_specs_example() -> None:
    """The Standard Webhooks libraries' own test vector (msg_p5jXN8AQM9LWM0D4loKWxJek)."""
    headers = signature_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_without_a_secret_nothing_is_signed() -> None:
    """The delivery still says which it is, and when it was sent."""
    assert signature_headers([], "id", 5, BODY) == {"webhook-id": "id", "webhook-timestamp": "5"}


def test_two_secrets_sign_while_one_replaces_the_other() -> None:
    """A receiver that knows either verifies; the platform's own header is the newest one's."""
    old, new = generate_secret(), generate_secret()
    headers = signature_headers([new, old], "msg_1", int(time.time()), BODY)
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)
    only_new = signature_headers([new], "msg_1", int(time.time()), BODY)
    assert headers["X-Webhook-Signature"] == only_new["X-Webhook-Signature"]


def test_a_broken_secret_is_a_clear_error_without_the_secret() -> None:
    """The error names the cure, and never the secret."""
    with pytest.raises(SecretError, match="no valid base64 follows") as caught:
        key_bytes("whsec_%%%geheim")
    assert "geheim" not in str(caught.value)


def test_new_secrets() -> None:
    """whsec_ and 32 random bytes."""
    assert generate_secret() != generate_secret()
    assert len(key_bytes(generate_secret())) == 32
