"""Which ways to sign in are offered, by what Supabase Auth's settings say."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supabase_webhooks.gateway.methods import Methods, methods
from supabase_webhooks.gateway.pkce import challenge, new_verifier

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.just("external"), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("external", "wanted"),
    [
        ({"email": True}, Methods(link=True)),
        ({"email": False}, Methods(email=False)),
        ({}, Methods(email=False)),
        ({"email": "true", "google": 1, "github": None}, Methods(email=False)),
        ({"email": True, "phone": True, "anonymous_users": True, "saml": True}, Methods(link=True)),
        (
            {"email": False, "google": True, "azure": True, "linkedin_oidc": True, "github": False},
            Methods(email=False, providers={"azure": "Microsoft", "google": "Google", "linkedin_oidc": "LinkedIn"}),
        ),
        # one that is newer than this page
        ({"email": False, "new_one": True}, Methods(email=False, providers={"new_one": "New One"})),
        ({"email": False, "<b>": True, "": True, "a" * 99: True, "\n": True}, Methods(email=False)),
    ],
)
def test_what_is_offered(external: dict[str, Any], wanted: Methods) -> None:
    """Only what is enabled, and what a page without a CAPTCHA, a phone or an identity provider's metadata can do."""
    assert methods({"external": external, "disable_signup": True}) == wanted


@given(JSON)
def test_settings_of_any_shape(settings: Any) -> None:
    """No response breaks the page, and a name is one that a form can send."""
    found = methods(settings)
    assert all(name.isidentifier() and name.isascii() for name in found.providers)


def test_what_the_example_of_the_rfc_says() -> None:
    """RFC 7636, appendix B; and a verifier is long enough (section 4.1) and never the same."""
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    verifiers = {new_verifier() for _ in range(50)}
    assert len(verifiers) == 50
    assert all(43 <= len(one) <= 128 for one in verifiers)
    one = verifiers.pop()
    assert challenge(one) == base64.urlsafe_b64encode(hashlib.sha256(one.encode()).digest()).decode().rstrip("=")
