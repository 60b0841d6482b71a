"""Supabase, as commands use it: call one function, and return its result."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from supabase_webhooks.webhooks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from supabase_webhooks.webhooks.store import Store


def settings() -> Settings:
    """Return the settings. Raises SettingsError."""
    return Settings.from_environment(os.environ)


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
