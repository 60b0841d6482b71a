"""Which kind of secret a verification library takes: the table of SECURITY.md."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from standardwebhooks import Webhook

from supabase_webhooks.webhooks.signing import generate_key_pair, generate_secret, signature_headers
from tests.adapters.shorthands import SENT, run_in_node

#: kind -> the endpoint's secret; what its receiver has; whether the usual constructor verifies, and the raw one.
PRIVATE, PUBLIC = generate_key_pair()
KINDS = {
    "whsec_": (secret := generate_secret(), secret, True, False),
    "plain text": (text := "not base64, but words", text, False, True),
    "plain text like base64": (text := "abcdefgh", text, False, True),
    "whsk_": (PRIVATE, PUBLIC, False, False),
}


def signed(secret: str) -> dict[str, str]:
    """Return the headers of a delivery of now."""
    return {name.lower(): value for name, value in signature_headers([secret], "id", int(time.time()), SENT).items()}


@pytest.mark.parametrize("kind", KINDS)
def test_python(kind: str) -> None:
    """The library of PyPI: text is base64, bytes are raw."""
    secret, given, *expected = KINDS[kind]
    assert [accepted(given, signed(secret)), accepted(given.encode(), signed(secret))] == expected


def accepted(given: str | bytes, headers: dict[str, str]) -> bool:
    """Return whether the library verifies a delivery."""
    try:
        Webhook(given).verify(SENT, headers)
    except Exception:  # noqa: BLE001 - a library that takes no such secret has an error of its own for it
        return False
    return True


def test_javascript() -> None:
    """The library of npm: text is base64, unless its format is raw."""
    deliveries: list[dict[str, Any]] = [
        {"id": kind, "secret": given, "headers": signed(secret), "body": SENT.decode()}
        for kind, (secret, given, *_) in KINDS.items()
    ]
    found = {
        line["id"]: [line["usual"], line["raw"]]
        for line in run_in_node("secrets.mjs", DELIVERIES=json.dumps(deliveries))
    }
    assert found == {kind: expected for kind, (_, _, *expected) in KINDS.items()}
