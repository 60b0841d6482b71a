"""The presets of retry schedules, which the database decides and the dashboard describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.retries import PRESETS, plain

if TYPE_CHECKING:
    from tests.database.shorthands import Database


def test_presets_are_the_databases(db: Database) -> None:
    """Python describes the waits that SQL makes: of each preset, and of an endpoint without a schedule."""
    for name, waits in PRESETS.items():
        assert value(db, "select webhooks.retry_preset(%s)", name) == list(waits)
    for attempts, wait in enumerate(plain(20), 1):
        assert value(db, "select webhooks.retry_wait(null, %s)", attempts) == wait


def value(db: Database, sql: str, argument: object) -> object:
    """Return what a query of one value returns."""
    row = db.execute(sql.encode(), (argument,)).fetchone()
    assert row is not None
    return next(iter(row.values()))
