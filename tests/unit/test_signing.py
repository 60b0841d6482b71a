"""Signatures, against the reference library and figures computed by other means."""

from __future__ import annotations

import base64
import subprocess
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from devstack.node import node
from supabase_webhooks.webhooks.errors import SecretError
from supabase_webhooks.webhooks.signing import (
    generate_key_pair,
    generate_secret,
    key_bytes,
    signature_headers,
    verification_problem,
)

BODY = '{"text":"Grüße 🎉"}'.encode()


def test_standardwebhooks_verifies() -> None:
    """The reference library accepts what we sign, with a secret that we made."""
    secret = generate_secret()
    headers = signature_headers([secret], "msg_1", int(time.time()), BODY)
    assert Webhook(secret).verify(BODY, headers) == {"text": "Grüße 🎉"}


def test_a_plain_secret_is_its_utf8_bytes() -> None:
    """A secret that is not a whsec_ one signs with its own bytes; the reference library agrees."""
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
    """A receiver that knows either verifies; the platform's own header, which holds one, stays the old one's."""
    old, new = generate_secret(), generate_secret()
    headers = signature_headers([new, old], "msg_1", int(time.time()), BODY)
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)
        assert verification_problem(secret, lower(headers), BODY, now=time.time()) is None
    only_old = signature_headers([old], "msg_1", int(time.time()), BODY)
    assert headers["X-Webhook-Signature"] == only_old["X-Webhook-Signature"]
    # an old receiver, which knows that header only
    plain = {"x-webhook-signature": headers["X-Webhook-Signature"]}
    assert verification_problem(old, plain, BODY, now=time.time()) is None
    assert verification_problem(new, plain, BODY, now=time.time())


@pytest.mark.parametrize("newest_first", ["ss", "sss", "as", "sa", "asa", "sas", "aas", "a", "aa", "s"])
def test_the_platforms_header_in_each_rotation(newest_first: str) -> None:
    """It is the oldest shared secret's (s) until that expires, whatever key pairs (a) come and go."""
    secrets = [generate_secret() if kind == "s" else generate_key_pair()[0] for kind in newest_first]
    shared = [secret for secret in secrets if secret.startswith("whsec_")]
    header = signature_headers(secrets, "msg_1", 1, BODY).get("X-Webhook-Signature")
    expected = signature_headers(shared[-1:], "msg_1", 1, BODY).get("X-Webhook-Signature")
    assert header == expected


def lower(headers: dict[str, str]) -> dict[str, str]:
    """Return headers as a receiver sees them."""
    return {name.lower(): value for name, value in headers.items()}


def test_a_broken_secret_is_a_clear_error_without_the_secret() -> None:
    """The error names the cure, and never the secret."""
    with pytest.raises(SecretError, match="no valid base64 follows") as caught:
        key_bytes("whsec_%%%geheim")
    assert "geheim" not in str(caught.value)


def test_new_secrets() -> None:
    """whsec_ and 32 random bytes."""
    assert generate_secret() != generate_secret()
    assert len(key_bytes(generate_secret())) == 32


def test_an_asymmetric_key_signs_v1a_and_node_verifies() -> None:
    """Checked by OpenSSL through Node: another implementation than the one that signed."""
    private, public = generate_key_pair()
    headers = signature_headers([private], "msg_1", 1614265330, BODY)
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1a"
    assert "X-Webhook-Signature" not in headers, "there is no shared secret"
    script = """
        const [key, signature, body] = process.argv.slice(1).map((text) => Buffer.from(text, 'base64'));
        const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]);
        const publicKey = require('crypto').createPublicKey({ key: der, format: 'der', type: 'spki' });
        const signed = Buffer.concat([Buffer.from('msg_1.1614265330.'), body]);
        console.log(require('crypto').verify(null, signed, publicKey, signature));
    """
    arguments = [public.removeprefix("whpk_"), signature, base64.b64encode(BODY).decode()]
    for body, verified in ((arguments[2], "true"), (base64.b64encode(b"{}").decode(), "false")):
        done = subprocess.run([node(), "-e", script, *arguments[:2], body], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == verified


def test_a_known_ed25519_signature() -> None:
    """RFC 8032, section 7.1, TEST 1: the key of the vector, in both forms that are in use, gives its public key."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    short, long = (f"whsk_{base64.b64encode(key).decode()}" for key in (seed, seed + public))
    signatures = {signature_headers([key], "id", 1, BODY)["webhook-signature"] for key in (short, long)}
    assert len(signatures) == 1
    signature = base64.b64decode(signatures.pop().removeprefix("v1a,"))
    Ed25519PublicKey.from_public_bytes(public).verify(signature, b"id.1." + BODY)


def test_both_kinds_while_a_receiver_changes_over() -> None:
    """Each verifies with its own."""
    private, _ = generate_key_pair()
    secret = generate_secret()
    headers = signature_headers([private, secret], "msg_1", int(time.time()), BODY)
    versions = [part.partition(",")[0] for part in headers["webhook-signature"].split(" ")]
    assert versions == ["v1a", "v1"]
    Webhook(secret).verify(BODY, headers)
    assert "X-Webhook-Signature" in headers


@pytest.mark.parametrize("key", ["whsk_", "whsk_geheim", "whsk_" + base64.b64encode(b"geheim").decode()])
def test_a_broken_private_key(key: str) -> None:
    """A clear error without the key."""
    with pytest.raises(SecretError, match="no ed25519 key in base64 follows") as caught:
        signature_headers([key], "id", 1, BODY)
    assert "geheim" not in str(caught.value)
