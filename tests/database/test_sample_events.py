"""webhook_sample_events: the last rows of a table as events, read with the caller's rights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import ADMIN, as_admin, call

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

TABLE = 'public."odd ""table"'
UNREADABLE = "You cannot read this table: being a webhook admin gives no access to its rows."


@pytest.fixture(autouse=True)
def table(db: Database) -> None:
    """A table with five rows, of which a policy shows the first four to signed-in users."""
    db.execute(f"""
        create function public.visible(hidden boolean) returns boolean language plpgsql stable as
            $$ begin return not hidden and exists (select from shown); end $$;
        create table public.shown (yes boolean);
        insert into public.shown values (true);
        create table {TABLE} (id integer primary key, "the 'total' \\" numeric, owner uuid, hidden boolean not null);
        insert into {TABLE} select n, n + 0.50, '{ADMIN}', n > 4 from generate_series(1, 5) as n;
        alter table {TABLE} enable row level security;
        create policy visible on {TABLE} for select to authenticated using (public.visible(hidden));
        create view public.everything as select * from {TABLE};
        revoke all on {TABLE}, public.shown, public.everything from anon, authenticated, service_role
    """.encode())  # fmt: skip


def readable(db: Database) -> None:
    """Grant what the app's users would have."""
    db.execute("reset role")
    db.execute(f"grant select on {TABLE}, public.shown, public.everything to authenticated".encode())


def sample(db: Database, source: str = TABLE, *columns: str, actor: str | None = None) -> Any:
    """Ask as an admin."""
    as_admin(db)
    return call(db, "webhook_sample_events", source, list(columns) or ["id"], actor)


def test_rows_that_the_admin_can_read(db: Database) -> None:
    """The last three, newest first; the policy hides one, and its function finds its tables as over REST."""
    readable(db)
    before = db.execute("show search_path").fetchone()
    found = sample(db, TABLE, "id", "the 'total' \\", actor="owner")
    assert found == {
        "rows": [
            {"data": {"id": n, "the 'total' \\": n + 0.5}, "actor": ADMIN} for n in (4, 3, 2)
        ],
        "problem": None,
    }  # fmt: skip
    assert sample(db)["rows"][0] == {"data": {"id": 4}, "actor": None}
    assert db.execute("show search_path").fetchone() == before


def test_values_are_those_of_an_event(db: Database, endpoint: Callable[..., str]) -> None:
    """The same JSON as the trigger makes of the row, whatever the types and the session's time zone are."""
    endpoint()
    db.execute("""
        create domain public.cents as numeric;
        create table public.things (
            id bigint generated always as identity, at timestamptz default '2026-01-29 12:34:56.789+00', due date,
            "far off" timestamptz default 'infinity', ratio float8 default 'NaN', price public.cents default 1234.50,
            tags text[] default '{a,null}', extra jsonb default '{"b": [1]}', raw bytea default '\\x00ff', took interval
            default '36 hours', primary key (id, at));
        grant select on public.things to authenticated
    """)
    columns = ["id", "at", "due", "far off", "ratio", "price", "tags", "extra", "raw", "took"]
    db.execute(
        "select public.webhook_attach('public.things', 'thing.made', 'insert', to_jsonb(%s::text[]))", (columns,)
    )
    db.execute("insert into public.things default values")
    row = db.execute("select payload -> 'data' as data from public.webhook_deliveries").fetchone()
    db.execute("set timezone = 'America/New_York'")
    assert row is not None
    assert sample(db, "public.things", *columns)["rows"] == [{"data": row["data"], "actor": None}]


def test_a_webhook_admin_is_not_an_owner(db: Database) -> None:
    """Without a grant nothing is read, and that is said: neither the row nor how many there are."""
    assert sample(db) == {"rows": [], "problem": UNREADABLE}
    db.execute("reset role")
    db.execute(f"grant select (id) on {TABLE} to authenticated; grant select on public.shown to authenticated".encode())
    # a column is readable, another is not
    assert len(sample(db, TABLE, "id")["rows"]) == 3
    assert sample(db, TABLE, "id", "owner") == {"rows": [], "problem": UNREADABLE}
    assert sample(db, TABLE, "id", actor="owner") == {"rows": [], "problem": UNREADABLE}


def test_accounts_are_not_shown(db: Database) -> None:
    """Whatever a restore has granted: REST does not expose their schema either."""
    assert sample(db, "auth.users") == {"rows": [], "problem": UNREADABLE}
    db.execute("reset role")
    db.execute("grant usage on schema auth to authenticated; grant select on auth.users to authenticated, service_role")
    assert sample(db, "auth.users") == {"rows": [], "problem": UNREADABLE}
    db.execute("reset role")
    db.execute("set role service_role")
    assert call(db, "webhook_sample_events", "auth.users", ["id"])["problem"] == UNREADABLE


def test_no_row_an_error_and_a_large_one(db: Database) -> None:
    """A table without rows, or with none to see, a policy that fails, a row that no event can carry: in words."""
    readable(db)
    db.execute("delete from public.shown")
    assert sample(db) == {"rows": [], "problem": "The table has no rows, or none that you can read."}
    db.execute("reset role")
    db.execute("drop table public.shown")
    assert sample(db) == {"rows": [], "problem": 'The table cannot be read: relation "shown" does not exist.'}
    db.execute("reset role")
    db.execute("""
        create table public.large (id integer primary key, text text);
        insert into public.large values (1, 'a'), (2, repeat('a', 300000));
        grant select on public.large to authenticated
    """)
    found = sample(db, "public.large", "id", "text")
    assert found["rows"] == [{"data": {"id": 1, "text": "a"}, "actor": None}]
    assert found["problem"] == "Some of its rows are larger than an event can be (256 KB)."


def test_partitions_and_tables_without_a_key(db: Database) -> None:
    """A partitioned table is one table; without a primary key, any three rows are shown."""
    db.execute("""
        create table public.parts (id integer primary key) partition by range (id);
        create table public.parts_1 partition of public.parts for values from (0) to (10);
        create table public.parts_2 partition of public.parts for values from (10) to (20);
        insert into public.parts select generate_series(8, 12);
        create table public.keyless (n integer);
        insert into public.keyless values (1), (1);
        grant select on public.parts, public.keyless to authenticated
    """)
    assert [row["data"]["id"] for row in sample(db, "public.parts")["rows"]] == [12, 11, 10]
    assert [row["data"]["n"] for row in sample(db, "public.keyless", "n")["rows"]] == [1, 1]


@pytest.mark.parametrize(
    "source",
    [
        "public.nothing", "", "a.b.c.d", "'; drop table x", '"', 'public.odd "table', "public.everything",
        "webhooks.endpoint_secrets", "public.webhook_deliveries", "pg_catalog.pg_authid", "information_schema.tables",
    ],
)  # fmt: skip
def test_what_is_not_a_table_of_the_app(db: Database, source: str) -> None:
    """Neither another name, nor a view, nor the system's own: as webhook_tables, which names those that are."""
    readable(db)
    with pytest.raises(psycopg.DatabaseError, match="does not exist, or cannot be attached") as failed:
        sample(db, source)
    assert failed.value.sqlstate == "PT404"


def test_columns_are_names(db: Database) -> None:
    """Nothing in them is SQL: one that the table lacks is an error, and so is none at all."""
    readable(db)
    for column in ("nothing", "id' || current_user || '", "%s %I", 'a"b', "\\", "id::text", "", "ctid"):
        for arguments in ({}, {"actor": column}):
            with pytest.raises(psycopg.errors.InvalidParameterValue, match="has no column"):
                sample(db, TABLE, *(["id"] if arguments else [column]), **arguments)
    for none in ([], [None]):
        as_admin(db)
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="needs columns"):
            call(db, "webhook_sample_events", TABLE, none)
