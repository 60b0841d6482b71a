"""The ledger of a database's migrations: whether it has those of a folder as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from supabase_webhooks.webhooks.migration import find

if TYPE_CHECKING:
    from pathlib import Path


def edited(dsn: str, folder: Path) -> list[str]:
    """Return the labels of a folder's migrations that the database has in another form, as they were once.

    Before the release a migration is produced again and again, and no tool applies a second form of what is applied.
    """
    wanted = {one.label: one.checksum for one in find(folder)}
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select to_regclass('webhooks.migrations'), to_regclass('public.webhook_deliveries')")
        ledger, deliveries = row.fetchone() or (None, None)
        if ledger is None:
            # from before there was a ledger, or empty
            return [] if deliveries is None or "system" not in wanted else ["system"]
        rows = connection.execute("select name, checksum from webhooks.migrations").fetchall()
        found: dict[str, str] = dict(rows)
    return sorted(label for label, checksum in wanted.items() if found.get(label, checksum) != checksum)
