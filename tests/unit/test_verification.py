"""Why a signature does not verify: a table of what goes wrong on the way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supabase_webhooks.webhooks.errors import SecretError
from supabase_webhooks.webhooks.signing import generate_key_pair, generate_secret, signature_headers
from supabase_webhooks.webhooks.verification import Check, Request, verify

NOW = 1_790_000_000
BODY = '{"event":"user.joined","data":{"name":"Zoë","n":1.10}}'.encode()
SECRET = generate_secret()


def signed(*secrets: str, body: bytes = BODY, at: int = NOW) -> dict[str, str]:
    """Return a request's headers as a receiver sees them."""
    return {name.lower(): value for name, value in signature_headers(secrets, "msg_1", at, body).items()}


def checks(secret: str, headers: dict[str, str], body: bytes = BODY, *, sent: bytes | None = None) -> list[Check]:
    """Verify with the tolerance of receivers."""
    return verify(secret, Request(headers, body, sent), now=NOW, tolerance=300)


def problems(found: list[Check]) -> dict[str, str]:
    """Return what is wrong, by header."""
    return {check.header: check.text for check in found if check.status == "problem"}


@given(st.binary(max_size=200), st.sampled_from([SECRET, "plain-ä"]))
def test_what_we_sign_verifies(body: bytes, secret: str) -> None:
    """Any body, in both schemes."""
    found = checks(secret, signed(secret, body=body), body)
    assert [(check.header, check.status) for check in found] == [
        ("webhook-signature", "ok"), ("x-webhook-signature", "ok"), ("webhook-timestamp", "ok"),
    ]  # fmt: skip


@given(st.binary(max_size=60), st.binary(max_size=60), st.booleans())
def test_a_changed_body_never_verifies(body: bytes, other: bytes, standard: bool) -> None:
    """Whatever the change, and whichever scheme is there."""
    headers = signed(SECRET, body=body)
    headers.pop("x-webhook-signature" if standard else "webhook-signature")
    assert bool(problems(checks(SECRET, headers, other))) == (body != other)


def test_ed25519() -> None:
    """By the receiver's key, or the endpoint's; another key's does not verify."""
    private, public = generate_key_pair()
    assert not problems(checks(public, signed(private)))
    assert not problems(checks(private, signed(private)))
    assert "wrong secret" in problems(checks(generate_key_pair()[1], signed(private)))["webhook-signature"]
    # next to a shared secret, whose own header says nothing of the key
    assert not problems(checks(public, signed(private, SECRET)))
    with pytest.raises(SecretError, match="whpk_"):
        checks("whpk_x", signed(private))


def test_during_a_rotation() -> None:
    """Both secrets verify: X-Webhook-Signature, which is the old one's, is not a problem of the new one."""
    old, new = generate_secret(), generate_secret()
    headers = signed(new, old)
    assert not problems(checks(old, headers))
    found = checks(new, headers)
    assert not problems(found)
    assert "until a rotation's overlap ends" in next(one.text for one in found if one.status == "skipped")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (BODY + b"\n", "it got a newline at its end"),
        (json.dumps(json.loads(BODY), indent=2, ensure_ascii=False).replace("1.1", "1.10").encode(), "white space"),
        (BODY.replace("ë".encode(), b"\\u00eb"), "characters are escaped"),
    ],
)
def test_a_body_that_was_parsed_and_written_again(body: bytes, why: str) -> None:
    """Is found out, in both schemes."""
    found = problems(checks(SECRET, signed(SECRET), body))
    assert set(found) == {"webhook-signature", "x-webhook-signature"}
    for text in found.values():
        assert "the body was changed" in text
        assert why in text


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        (f" {SECRET}\n", "white space around it"),
        (f'"{SECRET}"', "quotation marks"),
        (SECRET.removeprefix("whsec_"), "lacks its beginning, whsec_"),
    ],
    ids=["spaces", "quotes", "no prefix"],
)
def test_a_secret_that_was_copied_wrong(secret: str, why: str) -> None:
    """Is told how; no error repeats it."""
    for text in problems(checks(secret, signed(SECRET))).values():
        assert "wrong secret" in text
        assert why in text
        assert SECRET.removeprefix("whsec_") not in text


def test_what_was_sent_tells_a_wrong_secret_from_a_changed_body() -> None:
    """Without it, the cause stays open."""
    other = BODY.replace(b"joined", b"loaned")
    assert "to know which" in problems(checks(SECRET, signed(SECRET), other))["webhook-signature"]
    changed = problems(checks(SECRET, signed(SECRET), other, sent=BODY))["webhook-signature"]
    assert "the body was changed: it differs from what was sent at byte 16" in changed
    wrong = problems(checks(generate_secret(), signed(SECRET), sent=BODY))["webhook-signature"]
    assert wrong.startswith("wrong secret")
    cut = problems(checks(SECRET, signed(SECRET), BODY[:-1], sent=BODY))["webhook-signature"]
    assert f"{len(BODY)} bytes were sent, these are {len(BODY) - 1}" in cut


@pytest.mark.parametrize(
    ("at", "why"),
    [(NOW - 7200, "2 h ago"), (NOW + 900, "a clock is wrong"), (NOW - 301, "5 min ago, more than the 5 min")],
)
def test_an_old_timestamp(at: int, why: str) -> None:
    """Is the only problem, and none if any age is accepted."""
    headers = signed(SECRET, at=at)
    found = problems(checks(SECRET, headers))
    assert list(found) == ["webhook-timestamp"]
    assert why in found["webhook-timestamp"]
    assert not problems(verify(SECRET, Request(headers, BODY), now=NOW, tolerance=None))


def test_a_changed_header() -> None:
    """The platform's own header shows that body and secret are right."""
    found = problems(checks(SECRET, signed(SECRET) | {"webhook-id": "msg_2"}))
    assert "webhook-id or webhook-timestamp is not the one that was signed" in found["webhook-signature"]
    assert problems(checks(SECRET, {}))["webhook-signature"].startswith("it has no signature")
    assert "missing" in problems(checks(SECRET, {"webhook-signature": "v1,x"}))["webhook-timestamp"]
