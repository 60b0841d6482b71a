"""The platform's own tables, row level security and triggers, in a database that has our migrations."""

from __future__ import annotations

from pathlib import Path

import psycopg

SOURCE = Path(__file__).parent.parent / "tests" / "platform"

#: Where, in the platform's production schema, the first generation of the webhook system begins and ends.
FIRST_GENERATION = ("-- The first generation of the webhook system", "-- A server-side caller that must go on working")


def tables() -> str:
    """Return the production schema without the first generation, which our migrations replace."""
    schema = (SOURCE / "existing_schema.sql").read_text()
    begin, end = (schema.index(mark) for mark in FIRST_GENERATION)
    return schema[:begin] + schema[end:]


def install(dsn: str) -> None:
    """Make the platform in a database, unless it is there, and attach its nine events."""
    with psycopg.connect(dsn) as db:
        found = db.execute("select to_regclass('public.communities') is not null").fetchone()
        if found == (False,):
            db.execute(tables().encode())
        furnish(db)


def furnish(db: psycopg.Connection[object]) -> None:
    """Give the platform's tables their row level security and first rows, once, and attach their events."""
    if not db.execute("select from public.communities").rowcount:
        for file in ("row_level_security.sql", "rows.sql"):
            db.execute((SOURCE / file).read_bytes())
    db.execute("select public.install_platform_webhooks()")
