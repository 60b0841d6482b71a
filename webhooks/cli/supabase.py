"""Supabase, as commands use it: call one function, and return its result.

Which project that is, in this order: `--profile` or WEBHOOKS_PROFILE; the environment's SUPABASE_URL with its key; the
profile of the last `webhooks login`.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supabase_webhooks.webhooks.cli.output import announce
from supabase_webhooks.webhooks.errors import SettingsError
from supabase_webhooks.webhooks.profiles import Profile, Profiles, ServiceKey
from supabase_webhooks.webhooks.sessions import Session
from supabase_webhooks.webhooks.settings import Settings, host_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from supabase_webhooks.webhooks.catalog import EventType
    from supabase_webhooks.webhooks.store import Store

#: What an environment that names a project sets.
NAMED_BY = ("SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY")

#: What names a profile, as `--profile` does.
VARIABLE = "WEBHOOKS_PROFILE"


def profiles() -> Profiles:
    """Return the profiles of this user."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Profiles(Path(home) / "supabase-webhooks" / "profiles.json")


def chosen() -> str | None:
    """Return the name of the profile that the call names."""
    return os.environ.get(VARIABLE) or None


def profile_name() -> str | None:
    """Return the name of the profile to use; None: the environment names the project."""
    name = chosen()
    if name is None and any(os.environ.get(variable) for variable in NAMED_BY):
        return None
    return name or profiles().current


def profile() -> Profile | None:
    """Return the profile to use, its session refreshed; None: the environment names the project."""
    name = profile_name()
    return None if name is None else profiles().refreshed(name)


def server_variables() -> dict[str, str]:
    """Return the environment, with the project's URL and service key if a profile has them. Raises SettingsError."""
    found = profile()
    if found is not None and not isinstance(found.credential, ServiceKey):
        raise SettingsError(
            f"this needs the project's secret key, and the profile is that of {found.user}: "
            "run webhooks login --service-key, or set SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY"
        )
    return _variables(found)


def settings() -> Settings:
    """Return the settings, with the project's service key, and say which project that is. Raises SettingsError."""
    return _announced(server_variables())


def event_types() -> list[EventType]:
    """Return the project's event catalog, and say which project that is.

    Raises SettingsError, StoreUnavailable and StoreError.
    """
    from supabase_webhooks.webhooks import catalog  # noqa: PLC0415 - importing the client takes a second: not for --help

    found = profile()
    if found is None:
        if host := host_of(os.environ.get("SUPABASE_URL", "")):
            announce(host)
        return catalog.from_environment(os.environ)
    return catalog.fetch(found.url, settings_of(found).service_key, access_token=access_token(found))


@asynccontextmanager
async def supabase() -> AsyncIterator[Store]:
    """Provide a store of the profile's or the environment's project."""
    async with opened(profile()) as store:
        yield store


class Connection:
    """The profile's or the environment's project, for a command that runs for long: its session is renewed.

    With an access token, calls are its user's, in the environment's project. Raises SettingsError.
    """

    def __init__(self, access_token: str = "") -> None:
        self._token = access_token
        self._name = None if access_token else profile_name()
        self._profile = None if self._name is None else profiles().refreshed(self._name)
        self.settings = settings_of(self._profile)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        """Provide a store."""
        async with opened(self._profile, token=self._token) as store:
            yield store

    async def renew(self, store: Store) -> None:
        """Renew the session before it ends. Raises SettingsError when it has ended."""
        credential = self._profile and self._profile.credential
        if self._name is not None and isinstance(credential, Session) and credential.ends_soon:
            self._profile = await asyncio.to_thread(profiles().refreshed, self._name)
            store.authenticate(access_token(self._profile))


@asynccontextmanager
async def opened(found: Profile | None, *, token: str = "") -> AsyncIterator[Store]:
    """Provide a store of a profile's project; None: of the environment's, with this access token if there is one."""
    # importing the client takes a second: not for --help, nor for the shell's completion
    from supabase_webhooks.webhooks.store import Store  # noqa: PLC0415

    store = Store(settings_of(found), access_token=token or access_token(found))
    try:
        yield store
    finally:
        await store.close()


def call(function: str, **arguments: Any) -> Any:  # noqa: ANN401 - whatever the function returns
    """Call one of the database's functions; arguments that are None get their defaults."""

    async def once() -> Any:  # noqa: ANN401 - see above
        async with supabase() as store:
            return await store.call(function, {name: value for name, value in arguments.items() if value is not None})

    return asyncio.run(once())


def settings_of(found: Profile | None) -> Settings:
    """Return the settings with a profile's project, the environment's for None, and say which project that is."""
    return _announced(_variables(found))


def access_token(found: Profile | None) -> str:
    """Return the access token of a profile's user, or nothing: then the key says who calls."""
    return found.credential.access_token if found and isinstance(found.credential, Session) else ""


def _variables(found: Profile | None) -> dict[str, str]:
    variables = dict(os.environ)
    if found is not None:
        credential = found.credential
        # a user's calls have the publishable key: the token says who it is
        key = credential.key if isinstance(credential, ServiceKey) else credential.publishable_key
        variables |= zip(NAMED_BY, (found.url, key), strict=True)
    return variables


def _announced(variables: Mapping[str, str]) -> Settings:
    found = Settings.from_environment(variables)
    announce(found.host)
    return found
