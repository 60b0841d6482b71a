"""What may be sent with a key."""

from __future__ import annotations

import pytest

from supabase_webhooks.webhooks.tokens import is_access_token


def test_tokens_and_what_is_none() -> None:
    """Supabase's API gateway ignores `Bearer sb_...` and uses the key sent with it."""
    assert is_access_token("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln")


@pytest.mark.parametrize(
    "token", ["", "sb_x", "sb_secret_fake", "sb_publishable_a.b.c", "x.y.z", "eyJ.x", "eyJhbGc.a.b ", "eyJhbGc.a.b\n"]
)
def test_none(token: str) -> None:
    """Keys, and whatever else."""
    assert not is_access_token(token)
