"""Secrets at rest: sealed with Fernet keys from the settings. A secret that is not sealed still works.

Source: https://github.com/fernet/spec/blob/master/Spec.md; MultiFernet of the package `cryptography`.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from supabase_webhooks.webhooks.errors import SealedError, SecretError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supabase_webhooks.webhooks.store import Store

logger = logging.getLogger(__name__)

#: Marks a sealed secret; a Fernet token follows.
PREFIX = "fernet:"


class Sealer:
    """Seals with the first key and opens with all: add a new key at the front, and remove an old one after `reseal`."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            fernets = [Fernet(key) for key in keys]
        except ValueError:
            raise SettingsError(
                "WEBHOOKS_ENCRYPTION_KEYS must be comma-separated Fernet keys; create one with: webhooks secrets key"
            ) from None
        self._first = fernets[0] if fernets else None
        self._all = MultiFernet(fernets) if fernets else None
        # a worker opens the same few secrets again and again
        self.open = lru_cache(maxsize=10_000)(self._open)

    def seal(self, secret: str) -> str:
        """Return a secret sealed with the first key; unchanged without keys."""
        if self._first is None:
            return secret
        return PREFIX + self._first.encrypt(self.open(secret).encode()).decode()

    def is_sealed(self, secret: str) -> bool:
        """Return whether a secret is sealed with the first key; always true without keys."""
        if self._first is None:
            return True
        if not secret.startswith(PREFIX):
            return False
        try:
            self._first.decrypt(secret.removeprefix(PREFIX))
        except (InvalidToken, ValueError):
            return False
        return True

    def _open(self, secret: str) -> str:
        if not secret.startswith(PREFIX):
            return secret
        if self._all is None:
            raise SealedError("the endpoint's secret is encrypted; set WEBHOOKS_ENCRYPTION_KEYS")
        try:
            return self._all.decrypt(secret.removeprefix(PREFIX)).decode()
        except (InvalidToken, ValueError):
            raise SealedError(
                "the endpoint's secret is encrypted with a key that is not in WEBHOOKS_ENCRYPTION_KEYS"
            ) from None


@lru_cache(maxsize=8)
def sealer(keys: str) -> Sealer:
    """Return the sealer for comma-separated keys, as in the setting. Raises SettingsError for invalid ones."""
    return Sealer([key.strip() for key in keys.split(",") if key.strip()])


def generate_key() -> str:
    """Return a new key for WEBHOOKS_ENCRYPTION_KEYS."""
    return Fernet.generate_key().decode()


async def seal_secrets(store: Store, keys: str) -> int:
    """Seal each secret that is not sealed with the first key; return how many. One that no key opens is skipped."""
    own = sealer(keys)
    sealed = 0
    for webhook_config_id, secret in await store.secrets():
        if own.is_sealed(secret):
            continue
        try:
            sealed += await store.replace_secret(webhook_config_id, secret, own.seal(secret))
        except SecretError as exc:
            logger.warning("endpoint %s: %s", webhook_config_id, exc)
    return sealed
