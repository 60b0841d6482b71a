"""Secrets at rest."""

from __future__ import annotations

import pytest

from supabase_webhooks.webhooks.errors import SealedError, SettingsError
from supabase_webhooks.webhooks.sealing import generate_key, sealer
from tests.adapters.shorthands import SECRET, deliver


def test_the_first_key_seals_and_all_open() -> None:
    """A new key goes to the front, an old one leaves once everything is sealed again."""
    old, new = generate_key(), generate_key()
    sealed = sealer(old).seal(SECRET)
    assert sealed.startswith("fernet:")
    assert SECRET not in sealed
    both = sealer(f"{new}, {old}")
    assert both.open(sealed) == SECRET
    assert not both.is_sealed(sealed)
    again = both.seal(sealed)
    assert both.is_sealed(again)
    assert sealer(new).open(again) == SECRET


def test_plain_secrets_go_on_working() -> None:
    """With keys and without."""
    for keys in ("", generate_key()):
        assert sealer(keys).open(SECRET) == SECRET
    assert sealer("").seal(SECRET) == SECRET
    assert sealer("").is_sealed(SECRET)
    assert not sealer(generate_key()).is_sealed(SECRET)


@pytest.mark.parametrize("keys", ["", generate_key()], ids=["no key", "another key"])
def test_without_its_key_it_stays_closed(keys: str) -> None:
    """The error names the setting."""
    sealed = sealer(generate_key()).seal(SECRET)
    with pytest.raises(SealedError, match="WEBHOOKS_ENCRYPTION_KEYS"):
        sealer(keys).open(sealed)


def test_a_wrong_key_is_a_clear_error_without_the_key() -> None:
    """And says how to make a right one."""
    with pytest.raises(SettingsError, match="create one with: webhooks secrets key") as caught:
        sealer("geheim")
    assert "geheim" not in str(caught.value)


@pytest.mark.anyio
async def test_a_worker_without_the_key_loses_nothing() -> None:
    """Its attempts fail as the endpoint's health does: the circuit opens and the deliveries wait."""
    sealed = sealer(generate_key()).seal(SECRET)
    result = await deliver("https://example.com/", endpoint={"secrets": (sealed,)})
    assert (result.delivered, result.permanent, result.health) == (False, False, "failed")
    assert "set WEBHOOKS_ENCRYPTION_KEYS" in str(result.error)
