"""Triggers that lose nothing: what is attached works, one bad row costs one event, and that is emitted again."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.test_dispatch import ANA, become
from tests.database.test_platform_events import one, payloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

ATTACH = "select public.webhook_attach('public.things', %s, %s, %s::jsonb, condition => %s)"
ERRORS = "select * from public.webhook_trigger_errors order by occurred_at"


@pytest.fixture(autouse=True)
def subscriber(db: Database, endpoint: Callable[..., str]) -> None:
    """An endpoint for everything, and a table."""
    endpoint()
    db.execute("create table public.things (id integer primary key, n integer, label text)")


def attach(db: Database, data: Any, operation: str = "insert", condition: str | None = None) -> list[str]:
    """Attach thing.changed; return the warnings."""
    warnings: list[str] = []
    db.add_notice_handler(lambda notice: warnings.append(notice.message_primary or ""))
    assert one(db, ATTACH, "thing.changed", operation, json.dumps(data), condition) == "attached"
    return warnings


def told(db: Database) -> list[dict[str, Any]]:
    """Return the events' data, in the order in which they were emitted."""
    return [payload["data"] for payload in payloads(db)]


def retry(db: Database) -> dict[str, Any]:
    """Emit again what could not be emitted."""
    return dict(one(db, "select public.retry_webhook_trigger_errors()"))


#: A column's type -> values of it, and what each is in an event.
FORMS: dict[str, list[tuple[str, Any]]] = {
    "numeric": [("1.10", 1.1), ("NaN", None), ("Infinity", None)],
    "float8": [("1.5", 1.5), ("NaN", None), ("-Infinity", None)],
    "float4": [("0.5", 0.5), ("Infinity", None)],
    "public.share": [("0.5", 0.5), ("NaN", None)],
    "public.labels": [('{"a": "b"}', {"a": "b"})],
    "public.pair": [("(1,x)", {"a": 1, "b": "x"})],
    "int2vector": [("1 2", [1, 2])],
    "integer[]": [("{1,null}", [1, None]), ("{{1,2},{3,4}}", [[1, 2], [3, 4]])],
    "timestamptz": [
        ("2026-01-29 12:34:56.789+00", "2026-01-29T12:34:56.789Z"),
        ("infinity", "infinity"),
        ("0044-03-15 12:00:00+00 BC", "0044-03-15T12:00:00 BC"),
    ],
    "public.moment": [("2026-01-29 12:34:56.789+02", "2026-01-29T10:34:56.789Z")],
    "date": [("2026-01-29", "2026-01-29"), ("infinity", "infinity")],
    "json": [('{"a": [1]}', {"a": [1]}), ("null", None)],
    "bytea": [(r"\x00ff", r"\x00ff")],
    "inet": [("192.0.2.1", "192.0.2.1")],
    "interval": [("1 day", "1 day")],
    "int4range": [("[1,3)", "[1,3)")],
    "money": [("1.50", "$1.50")],
    "point": [("(1,2)", "(1,2)")],
    "tsvector": [("'a' 'b'", "'a' 'b'")],
}

#: Types as extensions and apps add them: with a cast to json, of several columns, of another type.
TYPES = """
    create type public.labels;
    create function public.labels_in(cstring) returns public.labels language internal immutable strict as 'textin';
    create function public.labels_out(public.labels) returns cstring language internal immutable strict as 'textout';
    create type public.labels (input = public.labels_in, output = public.labels_out, like = text);
    create cast (public.labels as text) without function;
    create function public.labels_json(public.labels) returns json
        language sql immutable strict as 'select $1::text::json';
    create cast (public.labels as json) with function public.labels_json(public.labels);
    create type public.pair as (a integer, b text);
    create domain public.share as numeric;
    create domain public.moment as timestamptz;
"""


@pytest.mark.parametrize("operation", ["insert", "update", "delete"])
@pytest.mark.parametrize("column", FORMS)
def test_every_type_has_its_form(db: Database, column: str, operation: str) -> None:
    """What a value is in JSON decides the schema, so that each odd value of each type is an event."""
    db.execute(TYPES)
    db.execute(f"alter table public.things add column odd {column}".encode())
    attach(db, ["id", "odd"], operation)
    db.execute("set timezone = 'America/New_York'")
    for number, (value, _) in enumerate(FORMS[column]):
        db.execute(f"insert into public.things (id, odd) values ({number}, %s::text::{column})".encode(), (value,))
        if operation == "update":
            db.execute("update public.things set id = id, odd = null, n = 1 where id = %s", (number,))
            sql = f"update public.things set odd = %s::text::{column} where id = %s"
            db.execute(sql.encode(), (value, number))
        elif operation == "delete":
            db.execute("delete from public.things where id = %s", (number,))
    assert db.execute(ERRORS).fetchall() == []
    data = [one["odd"] for one in told(db)]
    if operation == "update":
        data = data[1::2]
    assert data == [form for _, form in FORMS[column]]


@pytest.mark.parametrize("count", [49, 50, 51, 120])
def test_any_number_of_columns(db: Database, count: int) -> None:
    """A function of Postgres takes 100 arguments."""
    names = [f"c{number}" for number in range(count)]
    columns = ", ".join(f"add column {name} integer default 7" for name in names)
    db.execute(f"alter table public.things {columns}".encode())
    attach(db, names)
    db.execute("insert into public.things (id) values (1)")
    assert told(db) == [dict.fromkeys(names, 7)]


@pytest.mark.parametrize("operation", ["insert", "update", "delete"])
@pytest.mark.parametrize("kind", ["stored", "virtual"])
def test_generated_columns(db: Database, kind: str, operation: str) -> None:
    """A trigger's rows have no values of virtual columns (Postgres 18): they are computed, also for conditions."""
    if kind == "virtual" and int(one(db, "select current_setting('server_version_num')")) < 180000:
        pytest.skip("virtual columns came with Postgres 18")
    db.execute(f"alter table public.things add column twice integer generated always as (n * 2) {kind}".encode())
    attach(
        db,
        {"id": "id", "twice": "twice", "more": f"{'old' if operation == 'delete' else 'new'}.twice + 1"},
        operation,
        f"{'old' if operation == 'delete' else 'new'}.twice > 5",
    )
    db.execute("insert into public.things (id, n) values (1, 2), (2, 20)")
    if operation == "update":
        db.execute("update public.things set label = 'x'")
        assert told(db) == [], "no attached column has changed"
        db.execute("update public.things set n = n + 1")
        assert told(db) == [{"id": 1, "twice": 6, "more": 7}, {"id": 2, "twice": 42, "more": 43}]
        return
    db.execute("delete from public.things")
    assert told(db) == [{"id": 2, "twice": 40, "more": 41}]


def test_a_row_of_the_table_that_fails_rejects_the_call(db: Database) -> None:
    """Nothing is attached; a condition that leaves the row out is the way."""
    db.execute("insert into public.things (id, n) values (1, 0)")
    with pytest.raises(
        psycopg.errors.InvalidParameterValue, match="an existing row of the table could not be emitted: division"
    ):
        attach(db, {"share": "100 / new.n"})
    assert one(db, "select count(*) from public.webhook_triggers") == 0
    attach(db, {"share": "100 / new.n"}, condition="new.n <> 0")
    define = "select public.webhook_define_event('thing.strict', 'x', %s::jsonb)"
    schema = {"type": "object", "required": ["label"], "properties": {"label": {"type": "string"}}}
    one(db, define, json.dumps(schema))
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='"label" must be string, not null'):
        one(db, ATTACH, "thing.strict", "insert", '{"label": "label"}', None)


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        ({"share": "100 / new.n"}, "n = 0: division by zero"),
        ({"next": "new.n + 1"}, "n = 2147483647: integer out of range"),
        ({"label": "new.label::uuid"}, "label = : invalid input syntax for type uuid"),
        (["n", "label"], None),
    ],
)
def test_a_row_that_may_come_warns(db: Database, data: Any, warning: str | None) -> None:
    """The longest and odd values of each column that the event reads, one after the other."""
    db.execute("insert into public.things values (1, 5, '6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11')")
    warnings = attach(db, data)
    if warning is None:
        assert warnings == []
    else:
        assert any(warning in one for one in warnings), warnings


def test_a_row_that_no_check_allows_does_not_warn(db: Database) -> None:
    """It cannot come."""
    db.execute("alter table public.things add check (n between 1 and 10), alter n set not null")
    assert attach(db, {"share": "100 / new.n", "next": "new.n + 1"}) == []


def test_the_whole_row_is_read(db: Database) -> None:
    """An update of a column that only to_jsonb(new) reads is an event."""
    attach(db, {"id": "id", "row": "to_jsonb(new)"}, "update")
    db.execute("insert into public.things (id) values (1)")
    db.execute("update public.things set label = 'x'")
    assert [data["row"]["label"] for data in told(db)] == ["x"]


@pytest.mark.parametrize("operation", ["insert", "update", "delete"])
@pytest.mark.parametrize("count", [2, 3, 10, 1000])
def test_one_bad_row_costs_one_event(db: Database, count: int, operation: str) -> None:
    """The others of the statement are emitted; the bad one is kept, and emitted once it can be."""
    alias = "old" if operation == "delete" else "new"
    attach(db, {"id": "id", "share": f"{'100'} / {alias}.n"}, operation)
    insert = "insert into public.things (id, n) select i, case i when 2 then 0 else 1 end from generate_series(1, %s) i"
    if operation == "insert":
        db.execute(insert, (count,))
    elif operation == "update":
        db.execute("insert into public.things (id, n) select i, 5 from generate_series(1, %s) i", (count,))
        db.execute("update public.things set n = case id when 2 then 0 else 1 end")
    else:
        db.execute(insert, (count,))
        db.execute("delete from public.things")
    assert sorted(data["id"] for data in told(db)) == [1, *range(3, count + 1)]
    (error,) = db.execute(ERRORS).fetchall()
    assert (error["code"], error["events"], error["operation"]) == ("22012", 1, operation)
    assert retry(db)["failed"] == [{"id": str(error["id"]), "message": "division by zero"}]
    assert one(db, "select resolved_at from public.webhook_trigger_errors") is None
    other = f"coalesce(100 / nullif({alias}.n, 0), 0)"
    attach(db, {"id": "id", "share": other}, operation)
    assert retry(db) == {"resolved": 1, "failed": []}
    assert told(db)[-1] == {"id": 2, "share": 0}
    assert retry(db) == {"resolved": 0, "failed": []}, "once"
    assert len(told(db)) == count
    assert one(db, "select resolved_at from public.webhook_trigger_errors") is not None


def test_many_bad_rows_are_counted_and_cost_no_more_than_a_bound(db: Database) -> None:
    """3,000 rows that all fail: one error, with all that is needed to emit them in order."""
    attach(db, {"id": "id", "share": "100 / new.n"})
    started = time.monotonic()
    db.execute("insert into public.things (id, n) select i, 0 from generate_series(1, 3000) i")
    assert time.monotonic() - started < 10
    (error,) = db.execute(ERRORS).fetchall()
    assert (error["events"], len(error["data"])) == (3000, 3000)
    attach(db, {"id": "id", "share": "new.n"})
    assert retry(db)["resolved"] == 1
    assert [data["id"] for data in told(db)] == [*range(1, 3001)]


def test_an_event_that_our_own_tables_did_not_take(db: Database, dsn: str) -> None:
    """A lock: all of the statement's events are kept as they were, and emitted in order of the changes."""
    attach(db, ["id", "label"])
    with psycopg.connect(dsn) as other:
        other.execute("lock table public.webhook_deliveries in access exclusive mode")
        for number in (1, 2):
            db.execute("insert into public.things (id, label) values (%s, 'then'), (%s, 'then')", (number, number + 10))
        other.rollback()
    db.execute("update public.things set label = 'now'")
    assert [row["events"] for row in db.execute(ERRORS).fetchall()] == [2, 2]
    assert retry(db)["resolved"] == 2
    assert told(db) == [{"id": number, "label": "then"} for number in (1, 11, 2, 12)]


def test_what_is_too_large_is_read_again_by_its_key(db: Database) -> None:
    """The error keeps no text of 300 KB; once the row is shorter, its event can be emitted."""
    attach(db, ["id", "label"])
    db.execute("insert into public.things (id, label) values (1, repeat('x', 300000)), (2, 'x')")
    (error,) = db.execute(ERRORS).fetchall()
    assert error["data"] == [{"key": {"id": 1}}]
    assert "256 KB" in retry(db)["failed"][0]["message"]
    db.execute("update public.things set label = 'short' where id = 1")
    assert retry(db)["resolved"] == 1
    assert told(db) == [{"id": 2, "label": "x"}, {"id": 1, "label": "short"}]


def test_a_retry_is_by_whoever_made_the_change(db: Database) -> None:
    """webhooks.user_id() is not the admin who retries."""
    sql = "select public.webhook_attach('public.things', 'thing.changed', 'insert', %s::jsonb, 'auth.uid()')"
    one(db, sql, '{"share": "100 / new.n"}')
    db.execute("grant insert on public.things to authenticated")
    become(db, "authenticated", ANA)
    db.execute("insert into public.things values (1, 0)")
    db.execute("reset role")
    one(db, sql, '{"share": "new.n"}')
    assert retry(db)["resolved"] == 1
    assert [payload["actor_user_id"] for payload in payloads(db)] == [ANA]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_who_may_retry(db: Database, role: str) -> None:
    """Admins and servers."""
    become(db, role, ANA)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        retry(db)


def test_two_open_transactions_with_equal_events(db: Database, dsn: str) -> None:
    """Neither waits for the other, in whatever order they come to the same facts, and both events are there."""
    db.execute("create table public.visits (at timestamptz, guest text)")
    one(db, "select public.webhook_attach('public.visits', 'guest.came', 'insert', '[\"guest\"]')")
    sql = "insert into public.visits (guest) values (%s)"
    with psycopg.connect(dsn) as first, psycopg.connect(dsn) as second:
        for connection in (first, second):
            connection.execute("set lock_timeout = '5s'")
        for one_of_them, guest in ((first, "a"), (second, "b"), (first, "b"), (second, "a")):
            one_of_them.execute(sql, (guest,))
        first.rollback()
        second.commit()
    assert sorted(data["guest"] for data in told(db)) == ["a", "b"], "the one that was rolled back took none with it"
    assert db.execute(ERRORS).fetchall() == []


def test_many_transactions_with_equal_events(db: Database, dsn: str) -> None:
    """Eight at once, each with the same facts in another order: no deadlock, no loss."""
    db.execute("create table public.visits (at timestamptz, guest text)")
    one(db, "select public.webhook_attach('public.visits', 'guest.came', 'insert', '[\"guest\"]')")

    def come(start: int) -> None:
        with psycopg.connect(dsn) as connection:
            for number in range(20):
                connection.execute("insert into public.visits (guest) values (%s)", (str((start + number * 7) % 20),))
            connection.execute("select pg_sleep(0.05)")

    threads = [threading.Thread(target=come, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told(db)) == 160
    assert db.execute(ERRORS).fetchall() == []


def test_no_table_of_ours_can_be_attached(db: Database) -> None:
    """Those that exist, and those to come."""
    tables = db.execute("""
        select c.oid::regclass::text as name from pg_class as c
        where c.relkind in ('r', 'p') and (c.relnamespace = 'webhooks'::regnamespace
            or (c.relnamespace = 'public'::regnamespace and c.relname like 'webhook%'))
    """).fetchall()
    assert len(tables) > 15
    for table in tables:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="the webhook system's own"):
            one(db, "select public.webhook_attach(%s, 'a.b', 'insert', '{\"a\": \"1\"}')", table["name"])


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("alter table public.things rename label to title", "column new.label does not exist"),
        ("alter table public.things drop column label", "column new.label does not exist"),
        ("drop table public.things", "the table was dropped"),
        ("drop table public.places", 'relation "public.places" does not exist'),
        ("alter table public.places rename to rooms", 'relation "public.places" does not exist'),
        ("alter table public.things disable trigger user", "was dropped or disabled"),
        ("alter table public.things rename to objects", None),
        ("alter table public.things drop column n", None),
        ("select public.webhook_detach('public.things', 'thing.changed', 'insert', true)", None),
    ],
)
def test_what_would_lose_events_is_reported_before(db: Database, damage: str, problem: str | None) -> None:
    """By name, as long as it is so."""
    db.execute("create table public.places (id integer)")
    attach(db, {"label": "label", "place": "select p.id from public.places as p where p.id = new.id"})
    assert one(db, "select webhooks.broken_triggers()") == []
    db.execute(damage.encode())
    broken = one(db, "select webhooks.broken_triggers()")
    if problem is None:
        assert broken == []
    else:
        assert [one["event_type"] for one in broken] == ["thing.changed"]
        assert problem in broken[0]["problem"]
