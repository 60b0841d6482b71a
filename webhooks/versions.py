"""Versions: whether this release's workers and gateway are compatible with the database's SQL."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from supabase_webhooks.webhooks.errors import StoreError, VersionError
from supabase_webhooks.webhooks.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

# The release rule. A deploy applies the SQL first and then replaces the processes one by one, so those of this release
# and of the one before it work on this release's SQL. A release that changes a function which they call
# - raises DATABASE here and "database" in supabase/schemas/setup/webhook_version.sql by one, together;
# - lets it understand the calls of the release before, and sets "oldest_client" there and OLDEST_CLIENT here to
#   that release's CLIENT;
# - raises CLIENT when its processes call what older SQL lacks, and OLDEST_DATABASE to the SQL that has it.

#: The SQL of this release, and the oldest processes that work on it: what public.webhook_version() returns.
DATABASE, OLDEST_CLIENT = 1, 1

#: The processes of this release, and the oldest SQL that they work on.
CLIENT, OLDEST_DATABASE = 1, 1

#: The function does not exist: PostgREST's code, and Postgres's if PostgREST still has it in its cache.
LACKING = ("PGRST202", "42883")

APPLY = "webhooks migrate apply --dsn postgresql://... (or `webhooks migrations` and `supabase db push`)"


def check(found: Mapping[str, int] | None) -> None:
    """Raise VersionError unless this release works with the SQL's version; None: SQL from before versions."""
    ours = f"supabase-webhooks {version('supabase-webhooks')}"
    if found is None or found["database"] < OLDEST_DATABASE:
        has = "SQL from before version 1" if found is None else f"SQL of version {found['database']}"
        raise VersionError(f"the database has {has}, and {ours} needs version {OLDEST_DATABASE}: {APPLY}")
    if found["oldest_client"] > CLIENT:
        raise VersionError(
            f"the database has SQL of version {found['database']}, which works with processes of version "
            f"{found['oldest_client']} or later; {ours} is version {CLIENT}: pip install --upgrade supabase-webhooks"
        )


class CheckedStore(Store):
    """The store of workers and gateway: checks the SQL's version before its first call. Raises VersionError."""

    _fits = False

    async def fits(self) -> None:
        """Check the database's version, once."""
        if self._fits:
            return
        try:
            found = await super()._rpc("webhook_version", {})
        except StoreError as exc:
            if exc.code not in LACKING:
                raise
            found = None
        check(found)
        self._fits = True

    async def _rpc(self, function: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the function returns
        await self.fits()
        return await super()._rpc(function, arguments)
