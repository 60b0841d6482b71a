"""Shorthands for tests of the admin functions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.database.test_dispatch import BEN, become

if TYPE_CHECKING:
    from psycopg import Connection

    Database = Connection[dict[str, Any]]

ADMIN = "00000000-0000-0000-0000-0000000000ad"


def call(db: Database, function: str, *arguments: Any, **named: Any) -> Any:
    """Call a public function that returns JSON."""
    marks = ", ".join([*["%s"] * len(arguments), *[f"{name} => %s" for name in named]])
    row = db.execute(f"select public.{function}({marks}) as result".encode(), (*arguments, *named.values())).fetchone()
    assert row is not None
    return row["result"]


def as_admin(db: Database) -> None:
    """Go on as a signed-in admin does through PostgREST."""
    become(db, "authenticated", ADMIN)
    claims = {"sub": ADMIN, "role": "authenticated", "email": "admin@example.com", "app_metadata": {"role": "admin"}}
    db.execute("select set_config('request.jwt.claims', %s, false)", (json.dumps(claims),))


def as_user(db: Database) -> None:
    """Go on as a signed-in user who is not an admin."""
    become(db, "authenticated", BEN)


def partitions(db: Database, table: str = "webhook_deliveries") -> dict[str, int]:
    """Return how many rows each partition has, by the end of its name, without those that have none."""
    sql = "select inhrelid::regclass::text as name from pg_inherits where inhparent = %s::regclass"
    names = [row["name"] for row in db.execute(sql, (f"public.{table}",)).fetchall()]
    counts = {
        name.removeprefix(f"webhooks.{table}_"): db.execute(f"select from {name}".encode()).rowcount for name in names
    }
    return {name: count for name, count in counts.items() if count}


def day(db: Database, moment: str = "now()") -> str:
    """Return the end of the name of a day's partition."""
    row = db.execute(f"select to_char(({moment}) at time zone 'utc', 'YYYYMMDD') as day".encode()).fetchone()
    assert row is not None
    return str(row["day"])
