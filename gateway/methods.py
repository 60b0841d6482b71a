"""The ways to sign in that the project's Supabase Auth offers, as its `GET /settings` says; read once a minute."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supabase_webhooks.gateway.supabase import Supabase

logger = logging.getLogger(__name__)

#: Seconds that what was read is used, and that a failure is not repeated.
FRESH = 60

#: Seconds that someone who opens the page waits for it.
PATIENCE = 3

#: What `external` names besides OAuth providers.
NOT_OAUTH = {"anonymous_users", "email", "phone", "saml"}

#: What people call a provider, where its name with a capital letter is something else.
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "azure": "Microsoft",
        "fly": "Fly.io",
        "github": "GitHub",
        "gitlab": "GitLab",
        "linkedin": "LinkedIn",
        "linkedin_oidc": "LinkedIn",
        "slack_oidc": "Slack",
        "workos": "WorkOS",
    }
)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


class Methods(msgspec.Struct, frozen=True):
    """What is offered: an e-mail address with a password or a link, and OAuth providers, name and label."""

    email: bool = True
    link: bool = False
    providers: dict[str, str] = {}


class Offered:
    """The methods. `known`: those that were read last, None before that."""

    def __init__(self, supabase: Supabase) -> None:
        self._supabase = supabase
        self._until = 0.0
        self._reading = asyncio.Lock()
        self.known: Methods | None = None

    async def read(self) -> Methods:
        """Return the methods. While they cannot be read, those known last; if there are none, the password alone."""
        async with self._reading:
            if time.monotonic() >= self._until:
                await self._read()
                self._until = time.monotonic() + FRESH
        return self.known or Methods()

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                response = await self._supabase.auth("GET", "settings")
            if not response.is_success:
                raise refused(response)
            self.known = methods(msgspec.json.decode(response.content))
        except (StoreError, msgspec.DecodeError, TimeoutError) as exc:
            reason = str(exc) or type(exc).__name__
            logger.warning("Supabase Auth did not say which ways to sign in it offers: %s", reason)


def methods(settings: Any) -> Methods:  # noqa: ANN401 - JSON
    """Return the methods in a response of `/settings`. Whether links are mailed is not in it; the address is."""
    external = settings.get("external") if isinstance(settings, dict) else None
    if not isinstance(external, dict):
        return Methods()
    enabled = sorted(name for name, on in external.items() if on is True and _NAME.fullmatch(name))
    providers = {name: LABELS.get(name, name.replace("_", " ").title()) for name in enabled if name not in NOT_OAUTH}
    email = external.get("email") is True
    return Methods(email=email, link=email, providers=providers)
