"""Adapters: how a delivery travels to a destination, one module for each protocol.

An adapter knows its protocol and nothing else. Timeout, retry, recording and shutdown are written once, above.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol

from supabase_webhooks.webhooks.errors import SetupError
from supabase_webhooks.workers.adapters.profiles import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supabase_webhooks.webhooks.deliveries import Message, Receipt
    from supabase_webhooks.webhooks.destinations import Destination
    from supabase_webhooks.webhooks.settings import Settings

#: scheme -> "module:Class", imported on first use.
ADAPTERS = {
    "https": "supabase_webhooks.workers.adapters.http:HttpAdapter",
    "http": "supabase_webhooks.workers.adapters.http:HttpAdapter",
    "sqs": "supabase_webhooks.workers.adapters.sqs:SqsAdapter",
    "pubsub": "supabase_webhooks.workers.adapters.pubsub:PubSubAdapter",
    "kafka": "supabase_webhooks.workers.adapters.kafka:KafkaAdapter",
}

#: The group of entry points that add schemes: their name is the scheme, their value "module:Class".
ENTRY_POINTS = "supabase_webhooks.adapters"

#: scheme -> the extra that brings its SDK.
EXTRAS = {"sqs": "sqs", "pubsub": "pubsub", "kafka": "kafka"}


@dataclass(frozen=True)
class Context:
    """What an adapter gets in addition to its destination: the settings, and its endpoint's credentials profile.

    The profile was checked for the hosts of the URL. An adapter that is led to further ones checks those.
    """

    settings: Settings
    profile: Profile

    @property
    def credentials(self) -> Mapping[str, str]:
        """The profile's credentials by name; empty without one."""
        return self.profile.credentials

    @classmethod
    def of(
        cls, settings: Settings, destination: Destination, name: str | None, *, public_only: bool = False
    ) -> Context:
        """Return that of an endpoint with this credentials profile.

        `public_only`: in no private network, whatever the settings allow.

        Raises SetupError for one that is not set up, or whose credentials the destination's hosts must not get.
        """
        if public_only:
            settings = replace(settings, allowed_networks="")
        # HTTP has no credentials but the secret: a profile's are not used
        if not name or destination.scheme in {"https", "http"}:
            return cls(settings, Profile("", destination.scheme, {}))
        if name not in settings.credentials:
            raise SetupError(f"the endpoint's credentials_profile {name!r} is not in WEBHOOKS_CREDENTIALS")
        profile = Profile.of(name, destination.scheme, settings.credentials[name])
        profile.check(destination.hosts)
        return cls(settings, profile)

    def check_credentials(self, protocol: str, known: Sequence[str]) -> None:
        """Raise SetupError for a profile with fields that the protocol does not use; repeats no value."""
        if unknown := set(self.credentials) - set(known):
            raise SetupError(f"a credentials profile for {protocol} has {', '.join(known)}; not {min(unknown)}")


class Adapter(Protocol):
    """Delivers to one destination. Cancelling `publish` abandons the attempt."""

    def __init__(self, destination: Destination, context: Context) -> None:
        """Remember the destination; connect at the first delivery. Raises DestinationError for wrong credentials."""

    async def publish(self, message: Message) -> Receipt:
        """Deliver; return once the destination has accepted, else raise DeliveryError."""
        ...

    async def close(self) -> None:
        """Close all connections; nothing of the adapter runs afterwards."""
        ...


def adapter_class(scheme: str) -> type[Adapter]:
    """Return the adapter of a scheme. Raises SetupError when there is none, or its SDK is not installed."""
    target = ADAPTERS.get(scheme)
    if target is None:
        added = {entry.name: entry.value for entry in entry_points(group=ENTRY_POINTS)}
        if scheme not in added:
            raise SetupError(f"no adapter delivers to {scheme}:// (available: {', '.join([*ADAPTERS, *added])})")
        target = added[scheme]
    module, _, name = target.partition(":")
    try:
        adapter: type[Adapter] = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as exc:
        hint = f"; install it: pip install 'supabase-webhooks[{EXTRAS[scheme]}]'" if scheme in EXTRAS else ""
        raise SetupError(f"{scheme}:// needs {exc.name}, which is not installed{hint}") from exc
    return adapter
