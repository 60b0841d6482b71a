"""webhook_attach and webhook_define_event: any table's changes as typed events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.test_dispatch import ANA, become
from tests.database.test_platform_events import one, payloads
from tests.roles import made_role

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

ATTACH = "select public.webhook_attach('public.orders', %s, %s, %s::jsonb, %s, %s, null, %s)"


@pytest.fixture(autouse=True)
def orders(db: Database, endpoint: Callable[..., str]) -> None:
    """A shop, and an endpoint for all it tells."""
    db.execute("""
        create type public.state as enum ('open', 'paid');
        create domain public.cents as integer;
        create table public.customers (id uuid primary key default gen_random_uuid(), email text);
        create table public.orders (
            id bigint generated always as identity primary key, number text not null unique,
            total numeric(10, 2) not null,
            state public.state not null default 'open', "Odd ""name" text, tags text[], extra jsonb,
            shipping public.cents, placed_at timestamptz not null default now(), due date,
            fast boolean not null default false,
            customer_id uuid references public.customers (id) on delete cascade,
            parent bigint references public.orders (id) on delete set null)
    """)
    endpoint()


def attach(db: Database, event: str, operation: str, data: Any, *more: str | None, on_unchanged: bool = False) -> str:
    """Attach an event to the orders; more: actor, condition."""
    actor, condition = [*more, None, None][:2]
    return str(one(db, ATTACH, event, operation, json.dumps(data), actor, condition, on_unchanged))


def order(db: Database, number: str = "A-1", **columns: Any) -> int:
    """Place an order."""
    row = {"number": number, "total": 12.5, **columns}
    names = ", ".join(row)
    marks = ", ".join(["%s"] * len(row))
    return int(one(db, f"insert into public.orders ({names}) values ({marks}) returning id", *row.values()))


def test_one_call_makes_typed_events(db: Database) -> None:
    """An unknown event gets its schema from the columns; values are JSON as the schema says, times in UTC."""
    columns = ["id", "number", "total", "state", 'Odd "name', "tags", "extra", "shipping", "placed_at", "due", "fast"]
    assert attach(db, "order.placed", "insert", columns) == "attached"
    row = db.execute("select * from public.webhook_event_types where name = 'order.placed'").fetchone()
    assert row is not None
    text, nullable = {"type": "string"}, {"type": ["string", "null"]}
    assert row["data_schema"]["properties"] == {
        "id": {"type": "integer"},
        "number": text,
        "total": {"type": "number"},
        "state": text,
        'Odd "name': nullable,
        "tags": {"type": ["array", "null"], "items": nullable},
        "extra": {},
        "shipping": {"type": ["integer", "null"]},
        "placed_at": {"type": "string", "format": "date-time"},
        "due": {"type": ["string", "null"], "format": "date"},
        "fast": {"type": "boolean"},
    }
    assert row["data_schema"]["required"] == sorted(columns)
    assert one(db, "select webhooks.schema_problem(%s::jsonb, %s::jsonb)",
               json.dumps(row["data_schema"]), json.dumps(row["example"])) is None  # fmt: skip
    db.execute("set timezone = 'America/New_York'")
    order(
        db,
        tags=["a", None],
        extra=json.dumps({"b": [1]}),
        shipping=490,
        placed_at="2026-01-29T12:34:56.789Z",
        due="2026-02-01",
    )
    (payload,) = payloads(db)
    assert payload["actor_user_id"] is None
    assert payload["data"] == {
        "id": 1, "number": "A-1", "total": 12.5, "state": "open", 'Odd "name': None, "tags": ["a", None],
        "extra": {"b": [1]}, "shipping": 490, "placed_at": "2026-01-29T12:34:56.789Z", "due": "2026-02-01",
        "fast": False,
    }  # fmt: skip


def test_keys_expressions_actor_and_condition(db: Database) -> None:
    """Renamed columns, SQL over new and old, an actor from a column, and only the rows that satisfy the condition."""
    customer = str(one(db, "insert into public.customers (email) values ('c@example.com') returning id"))
    data = {"order_id": "id", "cents": "(new.total * 100)::integer", "was": "old.state",
            "email": "select c.email from public.customers c where c.id = new.customer_id"}  # fmt: skip
    attach(db, "order.paid", "update", data, "customer_id", "new.state = 'paid' and old.state <> 'paid'")
    paid, _ = order(db, customer_id=customer), order(db, "A-2", customer_id=customer)
    db.execute("update public.orders set total = 99")
    db.execute("update public.orders set state = 'paid' where id = %s", (paid,))
    db.execute("update public.orders set state = 'paid' where id = %s", (paid,))
    (payload,) = payloads(db)
    assert (payload["event"], payload["actor_user_id"]) == ("order.paid", customer)
    assert payload["data"] == {"order_id": paid, "cents": 9900, "was": "open", "email": "c@example.com"}


def test_one_event_for_several_operations_and_several_for_one(db: Database) -> None:
    """Each attachment is a trigger of its own; detaching one leaves the others."""
    attach(db, "order.saved", "insert", ["id"])
    attach(db, "order.saved", "update", ["id"], on_unchanged=True)
    attach(db, "order.placed", "insert", ["number"])
    attach(db, "order.placed_with_a_name_that_is_longer_than_postgres_lets_any_name_be.a", "insert", ["id"])
    attach(db, "order.placed_with_a_name_that_is_longer_than_postgres_lets_any_name_be.b", "insert", ["id"])
    order(db)
    db.execute("update public.orders set total = 1")
    assert len(payloads(db)) == 5
    for expected in (True, False):
        assert one(db, "select public.webhook_detach('public.orders', 'order.saved', 'INSERT')") is expected
    order(db, "A-2")
    assert [p["event"] for p in payloads(db)][5:].count("order.saved") == 0
    assert len(payloads(db)) == 8


def test_deletes_by_a_person_and_by_a_cascade(db: Database) -> None:
    """What goes with its parent is not told; set null and a missing parent are not a cascade."""
    attach(db, "order.deleted", "delete", ["id", "number"], "customer_id")
    customer = str(one(db, "insert into public.customers default values returning id"))
    for number, columns in (("a", {"customer_id": customer}), ("b", {}), ("c", {"customer_id": customer})):
        order(db, number, **columns)
    db.execute("delete from public.orders where number in ('a', 'b')")
    db.execute("delete from public.customers")
    assert one(db, "select count(*) from public.orders") == 0
    assert sorted((p["data"]["number"], p["actor_user_id"]) for p in payloads(db)) == [("a", customer), ("b", None)]


def test_attaching_again(db: Database) -> None:
    """The same is kept without touching the table; another definition replaces the first; a lost trigger is made."""
    assert attach(db, "order.placed", "insert", ["id", "number"]) == "attached"
    oid = one(db, "select oid from pg_trigger where tgfoid = 'webhooks.on_change'::regproc")
    assert attach(db, "order.placed", "insert", ["id", "number"]) == "kept"
    assert one(db, "select oid from pg_trigger where tgfoid = 'webhooks.on_change'::regproc") == oid
    assert attach(db, "order.placed", "insert", {"id": "id", "number": "upper(new.number)"}) == "attached"
    order(db, "a-1")
    assert [p["data"]["number"] for p in payloads(db)] == ["A-1"]
    db.execute("alter table public.orders disable trigger user")
    assert attach(db, "order.placed", "insert", {"id": "id", "number": "upper(new.number)"}) == "attached"
    order(db, "a-2")
    assert len(payloads(db)) == 2


@pytest.mark.parametrize(
    ("data", "identity"),
    [
        ({"order_id": "id"}, ["order_id"]),
        ({"number": "number"}, ["number"]),
        ({"total": "total"}, ["total", "@actor"]),
        ({"id": "new.id + 1", "total": "total"}, ["id", "total", "@actor"]),
    ],
)
def test_what_tells_one_change_from_another(db: Database, data: dict[str, str], identity: list[str]) -> None:
    """The primary key, else a unique index that the event tells, else all of it and the actor."""
    attach(db, "order.placed", "insert", data, "customer_id")
    assert one(db, "select identity from public.webhook_triggers") == identity


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("order.placed", "insert", ["id", "totl"]), r'\(public.orders, order.placed\): column "totl" does not exist'),
        (("order.placed", "insert", {"was": "old.total"}), 'missing FROM-clause entry for table "old"'),
        (("order.placed", "insert", {"x": "nonsense("}), "syntax error"),
        (("order.placed", "insert", []), "data must say which column or SQL each key comes from"),
        (("order.placed", "insert", {"id": 1}), "data must say which column or SQL each key comes from"),
        (("order.placed", "truncate", ["id"]), 'the operation must be insert, update or delete, not "truncate"'),
        (("order.placed", "insert", ["id"], "total"), "the actor is of type numeric, not uuid"),
        (("order.placed", "insert", ["id"], None, "new.total"), "must be type boolean"),
        (("Order.Placed", "insert", ["id"]), 'event name "Order.Placed" is not valid'),
        (("webhook.placed", "insert", ["id"]), "reserved"),
        (("page_view", "insert", ["id"]), "an analytics event, not a webhook: send it to Google Analytics"),
        (("user.posted_comment", "insert", ["id"]), "no key comment_id, comment_text, discussion_id"),
        (
            ("discussion.auto_closed", "insert", {"discussion_id": "id", "closed_at": "placed_at"}),
            'key discussion_id is of type "integer", and the event\'s schema has "string". To convert a value, give an',
        ),
    ],
)
def test_what_is_wrong_is_said_when_it_is_attached(db: Database, arguments: tuple[Any, ...], message: str) -> None:
    """Not when a customer orders: the error names the table, the event and the cause, and nothing is left behind."""
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=message):
        attach(db, *arguments)
    assert one(db, "select count(*) from public.webhook_triggers") == 0
    assert one(db, "select count(*) from pg_trigger where tgfoid = 'webhooks.on_change'::regproc") == 0
    assert one(db, "select count(*) from public.webhook_event_types where name like 'order%%'") == 0
    order(db)


def test_tables_that_cannot_be_attached(db: Database) -> None:
    """Our own outbox, which would make events of events; an update without a key to tell rows by."""
    for table in ("public.webhook_deliveries", "webhooks.idempotency_keys"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="cause another event"):
            db.execute("select public.webhook_attach(%s, 'a.b', 'insert', '[\"created_at\"]')", (table,))
    db.execute("create table public.keyless (n integer)")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="has no primary key"):
        db.execute("select public.webhook_attach('public.keyless', 'a.b', 'update', '[\"n\"]')")
    db.execute("select public.webhook_attach('public.keyless', 'a.b', 'insert', '[\"n\"]')")
    db.execute("drop table public.keyless")
    db.execute("select * from public.uninstall_platform_webhooks()")
    assert one(db, "select count(*) from public.webhook_triggers") == 0


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_who_may_attach(db: Database, role: str) -> None:
    """The owner of the tables alone: a condition is SQL, which the trigger runs as its owner."""
    attach(db, "order.placed", "insert", ["id"])
    become(db, role, ANA)
    for sql in (
        "select public.webhook_attach('public.orders', 'x.y', 'insert', '[\"id\"]')",
        "select public.webhook_detach('public.orders', 'order.placed', 'insert')",
        "select public.install_platform_webhooks()",
        "select public.uninstall_platform_webhooks()",
        "update public.webhook_triggers set query = 'select 1'",
        "insert into public.webhook_triggers select * from public.webhook_triggers",
        "delete from public.webhook_triggers",
        "insert into public.webhook_trigger_errors (source, code, message) values ('x', 'x', 'x')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(sql.encode())


def test_admins_see_triggers_and_their_errors(db: Database) -> None:
    """Other users see none."""
    attach(db, "order.placed", "insert", {"half": "1 / (new.total - 12.5)"})
    order(db)
    for role, seen in (("user", 0), ("admin", 1)):
        become(db, "authenticated", ANA)
        claims = json.dumps({"app_metadata": {"role": role}})
        db.execute("select set_config('request.jwt.claims', %s, false)", (claims,))
        for table in ("webhook_triggers", "webhook_trigger_errors"):
            assert one(db, f"select count(*) from public.{table}") == seen


def test_defining_an_event(db: Database) -> None:
    """service_role adds a type with an example made from its schema; it is dispatched, and may be changed."""
    schema = {
        "type": "object", "required": ["id", "total", "kind"], "properties": {
            "id": {"type": "string", "format": "uuid"}, "total": {"type": "number", "minimum": 5},
            "kind": {"enum": ["a", "b"]}, "note": {"type": ["null", "string"]}, "lines": {"type": "array"},
            "at": {"type": "string", "format": "date-time"}, "any": {}, "ok": {"type": "boolean"},
            "inner": {"type": "object", "properties": {"n": {"type": "integer"}}}}}  # fmt: skip
    become(db, "service_role")
    define = "select public.webhook_define_event('order.placed', %s, %s::jsonb)"
    assert one(db, define, "An order.", json.dumps(schema)) == "order.placed"
    example = one(db, "select example from public.webhook_event_types where name = 'order.placed'")
    assert set(example) == set(schema["properties"])
    assert (example["total"], example["kind"], example["inner"]) == (5, "a", {"n": 1})
    dispatched = one(db, "select public.dispatch_webhook('order.placed', %s::jsonb)", json.dumps(example))
    assert dispatched["deliveries"] == 1
    one(db, define, "Changed.", json.dumps(schema))
    assert one(db, "select description from public.webhook_event_types where name = 'order.placed'") == "Changed."
    become(db, "authenticated", ANA)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        one(db, define, "Mine.", json.dumps(schema))


@pytest.mark.parametrize(
    ("name", "schema", "example", "message"),
    [
        ("Order", {"type": "object"}, None, "is not valid"),
        ("page_view", {"type": "object"}, None, "analytics event"),
        ("webhook.test", {"type": "object"}, None, "reserved"),
        ("order.x", {"type": "string"}, None, "not a JSON Schema of an object"),
        ("order.x", {"type": "object", "properties": []}, None, "not a JSON Schema of an object"),
        ("order.x", {"type": "object", "required": "id"}, None, "not a JSON Schema of an object"),
        ("order.x", [], None, "not a JSON Schema of an object"),
        (
            "order.x",
            {"type": "object", "required": ["id"]},
            {},
            'example of "order.x" does not satisfy .*"id" is missing',
        ),
    ],
)
def test_a_wrong_definition(db: Database, name: str, schema: Any, example: Any, message: str) -> None:
    """The error names the event and the cure."""
    given = None if example is None else json.dumps(example)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=message):
        db.execute(
            "select public.webhook_define_event(%s, 'x', %s::jsonb, %s::jsonb)", (name, json.dumps(schema), given)
        )


def test_an_owner_alone_detaches(db: Database) -> None:
    """Another role gets an error that says what to run, and can turn the event off and leave the trigger."""
    attach(db, "order.placed", "insert", ["number"])
    with made_role(db, "a_developer"):
        # server-side, and yet no owner
        db.execute("grant service_role to a_developer")
        db.execute("grant usage on schema webhooks to a_developer")
        db.execute("grant select, update, delete on public.webhook_triggers to a_developer")
        db.execute("grant execute on function public.webhook_detach to a_developer")
        db.execute("create policy developers on public.webhook_triggers to a_developer using (true)")
        db.execute("set role a_developer")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="does not own the table") as failed:
            db.execute("select public.webhook_detach('public.orders', 'order.placed', 'insert')")
        assert "drop trigger webhook_insert_order_placed" in (failed.value.diag.message_hint or "")
        assert "keep_trigger => true" in (failed.value.diag.message_hint or "")
        sql = "select public.webhook_detach('public.orders', 'order.placed', 'insert', keep_trigger => true)"
        assert one(db, sql) is True
        assert one(db, sql) is False
    order(db)
    assert payloads(db) == []
    assert db.execute("select from public.webhook_trigger_errors").rowcount == 0
    assert attach(db, "order.placed", "insert", ["number"]) == "attached", "it can be turned on again"
    order(db, "A-2")
    assert len(payloads(db)) == 1


def test_a_dropped_table_leaves_nothing(db: Database) -> None:
    """Its row goes with the next upkeep."""
    attach(db, "order.placed", "insert", ["number"])
    db.execute("drop table public.orders cascade")
    db.execute("select public.purge_webhook_history('30 days')")
    assert db.execute("select from public.webhook_triggers").rowcount == 0


def test_an_update_that_changes_nothing_attached(db: Database) -> None:
    """Emits nothing, unless it is asked for; a column that the condition or an expression reads counts."""
    attach(db, "order.changed", "update", {"id": "id", "twice": "new.total * 2"})
    attach(db, "order.touched", "update", ["id"], on_unchanged=True)
    order(db)
    for statement, expected in (
        ("number = 'A-2'", ["order.touched"]),
        ("total = total", ["order.touched"]),
        ("total = total + 1", ["order.changed", "order.touched"]),
    ):
        db.execute("delete from public.webhook_deliveries")
        db.execute(f"update public.orders set {statement}".encode())
        assert sorted(p["event"] for p in payloads(db)) == expected
