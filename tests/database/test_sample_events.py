"""webhook_sample_events: rows of a table as events, read with the caller's own rights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import ADMIN, as_admin, call

if TYPE_CHECKING:
    from psycopg import Connection

    Database = Connection[dict[str, Any]]

TABLE = 'public."odd ""table"'


@pytest.fixture(autouse=True)
def table(db: Database) -> None:
    """A table with four rows, of which a policy shows two to signed-in users."""
    db.execute(f"""
        create table {TABLE} (id integer primary key, "the 'total'" numeric, owner uuid, hidden boolean not null);
        insert into {TABLE} select n, n + 0.50, '{ADMIN}', n > 2 from generate_series(1, 4) as n;
        alter table {TABLE} enable row level security;
        create policy visible on {TABLE} for select to authenticated using (not hidden);
        create view public.broken with (security_invoker = on) as select 1 / (id - 1) as id from {TABLE};
        create view public.everything as select * from {TABLE};
        revoke all on {TABLE}, public.everything, public.broken from public, anon, authenticated
    """.encode())  # fmt: skip


def sample(db: Database, source: str = TABLE, columns: list[str] | None = None, actor: str | None = None) -> Any:
    """Ask as an admin."""
    as_admin(db)
    return call(db, "webhook_sample_events", source, columns or ["id", "the 'total'"], actor)


def test_rows_that_the_admin_may_read(db: Database) -> None:
    """As they would be sent; a policy hides the others, and a column that the table lacks is null."""
    db.execute(f"grant select on {TABLE} to authenticated".encode())
    found = sample(db, columns=["id", "the 'total'", "nothing"], actor="owner")
    assert found["problem"] is None
    assert [json.loads(row["data"]) for row in found["rows"]] == [
        {"id": 1, "the 'total'": 1.5, "nothing": None}, {"id": 2, "the 'total'": 2.5, "nothing": None},
    ]  # fmt: skip
    assert {row["actor"] for row in found["rows"]} == {ADMIN}


def test_a_webhook_admin_is_no_owner(db: Database) -> None:
    """Without a grant nothing is read, and that is said; nor are the system's own tables."""
    found = sample(db)
    assert (found["rows"], "may not read this table" in found["problem"]) == ([], True)
    for source in ("auth.users", "webhooks.endpoint_secrets", "public.everything"):
        found = sample(db, source, ["id"])
        assert (found["rows"], "may not read this table" in found["problem"]) == ([], True), source


def test_no_row_and_an_error(db: Database) -> None:
    """A table without rows, or with none to see, and a view that fails: said in words."""
    db.execute(f"grant select on {TABLE}, public.broken to authenticated".encode())
    found = sample(db, "public.broken", ["id"])
    assert (found["rows"], found["problem"]) == ([], "The table could not be read: division by zero.")
    db.execute("reset role")
    db.execute(f"update {TABLE} set hidden = true".encode())
    assert "has no rows, or none" in sample(db)["problem"]


@pytest.mark.parametrize("source", ["public.nothing", "", "a.b.c.d", "'; drop table x", '"', 'public.odd ""table'])
def test_a_table_that_does_not_exist(db: Database, source: str) -> None:
    """Whatever it is called, it is as one that may not be read."""
    assert "may not read this table" in sample(db, source)["problem"]


def test_columns_are_names(db: Database) -> None:
    """Nothing in them is SQL; none at all is an error."""
    db.execute(f"grant select on {TABLE} to authenticated".encode())
    odd = ["id' || current_user || '", "%s %I", 'a"b', "\\"]
    assert json.loads(sample(db, columns=odd)["rows"][0]["data"]) == dict.fromkeys(odd)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="needs columns"):
        call(db, "webhook_sample_events", TABLE, [])
