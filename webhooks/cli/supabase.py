"""Supabase, as commands use it: call one function, and return its result."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from supabase_webhooks.webhooks.cli.output import announce
from supabase_webhooks.webhooks.settings import Settings, host_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from supabase_webhooks.webhooks.catalog import EventType
    from supabase_webhooks.webhooks.store import Store


def settings() -> Settings:
    """Return the settings, and say which project they name. Raises SettingsError."""
    found = Settings.from_environment(os.environ)
    announce(found.host)
    return found


def event_types() -> list[EventType]:
    """Return the catalog of the environment's project, and say which that is. Raises SettingsError."""
    from supabase_webhooks.webhooks import catalog  # noqa: PLC0415 - importing the client takes a second: not for --help

    if host := host_of(os.environ.get("SUPABASE_URL", "")):
        announce(host)
    return catalog.from_environment(os.environ)


@asynccontextmanager
async def supabase() -> AsyncIterator[Store]:
    """Provide a store with the environment's project and service key."""
    # importing the client takes a second: not for --help, nor for the shell's completion
    from supabase_webhooks.webhooks.store import Store  # noqa: PLC0415

    store = Store(settings())
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
