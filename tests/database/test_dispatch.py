"""dispatch_webhook: who may call it, what it rejects, and which rows it creates."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.conftest import JOINED

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

ANA, BEN = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"


def become(db: Database, role: str, user: str | None = None) -> None:
    """Go on as PostgREST does for a request: a role, and the claims of a token."""
    claims = json.dumps({"sub": user, "role": role})
    # hosted Supabase's auth.uid() reads either setting, Supabase Lite's the first
    db.execute("select set_config('request.jwt.claim.sub', %s, false)", (user or "",))
    db.execute("select set_config('request.jwt.claims', %s, false)", (claims,))
    db.execute(f"set role {role}".encode())


def test_the_payload(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """One pending row for each subscribed active endpoint, with the payload of the contract."""
    wanted = {endpoint("{user.joined_community}"), endpoint("{user.*}"), endpoint("{*}")}
    endpoint("{user.posted_comment}")
    endpoint("{discussion.*}")
    endpoint("{*}", is_active=False)
    response = dispatch("user.joined_community", JOINED, ANA)
    rows = db.execute("select * from public.webhook_deliveries").fetchall()
    assert response["deliveries"] == 3
    assert {str(row["webhook_config_id"]) for row in rows} == wanted
    for row in rows:
        payload = row["payload"]
        assert set(payload) == {"event", "timestamp", "actor_user_id", "data", "request_id"}
        assert payload["event"] == row["event_type"] == "user.joined_community"
        assert payload["actor_user_id"] == ANA
        assert payload["data"] == JOINED
        assert payload["request_id"] == response["request_id"] == str(row["request_id"])
        assert payload["timestamp"][-5:].endswith("Z")
        assert len(payload["timestamp"]) == len("2026-01-29T12:34:56.789Z")
        assert datetime.fromisoformat(payload["timestamp"]).utcoffset() is not None
        assert (row["status"], row["attempts"]) == ("pending", 0)


def test_one_insert_whatever_the_number_of_endpoints(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """A statement trigger counts the inserts of a dispatch to 25 endpoints: one."""
    for _ in range(25):
        endpoint()
    db.execute("create table public.inserts (n integer)")
    db.execute("""
        create function public.count_insert() returns trigger language plpgsql as
        $$ begin insert into public.inserts values (1); return null; end $$;
        create trigger count_insert after insert on public.webhook_deliveries
        for each statement execute function public.count_insert();
    """)
    assert dispatch()["deliveries"] == 25
    assert len(db.execute("select n from public.inserts").fetchall()) == 1


@pytest.mark.parametrize(
    ("event", "data", "message"),
    [
        ("user.unheard_of", {}, 'unknown webhook event type "user.unheard_of"'),
        (None, {}, "unknown webhook event type"),
        ("page_view", {}, '"page_view" is an analytics event, not a webhook: send it to Google Analytics'),
        ("event_view", {}, "Mixpanel"),
        ("community_view", {}, "Mixpanel"),
        ("session_tracking", {}, "Auth0 Analytics"),
        ("user.joined_community", [], "event_data must be a JSON object"),
        ("user.joined_community", None, "event_data must be a JSON object"),
        ("user.joined_community", {**JOINED, "community_id": 7}, '"community_id" must be string, not number'),
        ("user.joined_community", {"community_id": "c"}, '"community_city" is missing; "community_name" is missing'),
        ("user.joined_community", {**JOINED, "more": "x" * 262_144}, "at most 262144 .256 KB. are allowed"),
    ],
)
def test_refusals(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], event: Any, data: Any, message: str
) -> None:
    """A wrong event is a clear error and leaves no row."""
    endpoint()
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=message):
        dispatch(event, data)
    assert db.execute("select from public.webhook_deliveries").rowcount == 0


def test_every_example_of_the_catalog_can_be_dispatched(db: Database, dispatch: Callable[..., Any]) -> None:
    """Nine types, each with a description and an example that its own schema accepts."""
    rows = db.execute(
        "select name, example, description from public.webhook_event_types where analytics_destination is null"
    ).fetchall()
    assert len(rows) == 9
    for row in rows:
        assert dispatch(row["name"], row["example"])["request_id"]
        assert row["description"]


def test_the_whole_schema_is_checked_where_pg_jsonschema_is(db: Database, dispatch: Callable[..., Any]) -> None:
    """The extension's function decides, if the project has it; here a fake with its signature rejects everything."""
    db.execute("""
        create schema if not exists extensions;
        create function extensions.jsonb_matches_schema(schema json, instance jsonb) returns boolean
        language sql immutable as 'select false'
    """)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="does not satisfy the type's JSON Schema"):
        dispatch()


def test_a_repeated_idempotency_key(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """It returns the first result and delivers nothing again; another key is another event."""
    endpoint()
    first = dispatch("user.joined_community", JOINED, None, "key-1")
    assert dispatch("user.joined_community", JOINED, None, "key-1") == first
    assert dispatch("user.joined_community", JOINED, None, "key-2") != first
    assert db.execute("select from public.webhook_deliveries").rowcount == 2


def test_a_user_dispatches_for_itself_only(db: Database, endpoint: Callable[..., str]) -> None:
    """actor_user_id is null or one's own; another's is an error and leaves no row. Keys of users do not meet."""
    endpoint()
    call = "select public.dispatch_webhook('user.joined_community', %s::jsonb, %s, 'my key') as result"
    become(db, "authenticated", ANA)
    mine = db.execute(call, (json.dumps(JOINED), ANA)).fetchone()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="is not the signed-in user"):
        db.execute(call, (json.dumps(JOINED), BEN))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select webhooks.emit('user.joined_community', %s::jsonb, %s, null, 'server')", ("{}", BEN))
    become(db, "authenticated", BEN)
    other = db.execute(call, (json.dumps(JOINED), None)).fetchone()
    assert mine != other
    become(db, "authenticated")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="needs a signed-in user"):
        db.execute(call, (json.dumps(JOINED), None))
    become(db, "anon")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute(call, (json.dumps(JOINED), None))
    db.execute("reset role")
    assert db.execute("select from public.webhook_deliveries").rowcount == 2


@pytest.mark.parametrize("role", ["authenticated", "service_role"])
def test_users_dispatch_what_a_type_allows(db: Database, endpoint: Callable[..., str], role: str) -> None:
    """No user forges an order that was paid: of the platform's nine types five, of others those that say so."""
    endpoint()
    for name, allowed in (("order.paid", False), ("order.viewed", True)):
        db.execute(
            "select public.webhook_define_event(%s, 'x', '{\"type\": \"object\"}', users_may_dispatch => %s)",
            (name, allowed),
        )
    db.execute("select public.webhook_define_event('order.new', 'x', '{\"type\": \"object\"}')")
    types = db.execute(
        "select name, example from public.webhook_event_types where analytics_destination is null"
    ).fetchall()
    become(db, role, ANA if role == "authenticated" else None)
    dispatched = set()
    for row in types:
        try:
            db.execute("select public.dispatch_webhook(%s, %s::jsonb)", (row["name"], json.dumps(row["example"])))
            dispatched.add(row["name"])
        except psycopg.errors.InsufficientPrivilege as exc:
            assert f'users cannot dispatch "{row["name"]}"' in str(exc)  # noqa: PT017 - some do not raise
    db.execute("reset role")
    if role == "service_role":
        assert dispatched == {row["name"] for row in types}
        return
    assert dispatched == {
        "user.joined_community", "user.registered_event", "user.cancelled_registration", "user.posted_comment",
        "user.flagged_comment", "order.viewed",
    }  # fmt: skip
    actors = db.execute(
        "select distinct payload ->> 'actor_user_id' as actor from public.webhook_deliveries"
    ).fetchall()
    assert [row["actor"] for row in actors] == [ANA]


#: What a payload has -> whether it can be sent. Exact numbers travel, however many digits a double has.
NUMBERS = {
    "9007199254740993": True, "1.10": True, "1e400": True, "1e999": True, "-1e999": True, "1e-400": True,
    "1e-1000": True,
    "1e1000": False, "-1e1000": False, "1e131071": False, "1e-16383": False, "1" + "0" * 1000: False,
    "0." + "1" * 1001: False, "0." + "1" * 1000: True,
}  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("where", ["dispatch", "with a key", "direct insert", "trigger", "admin"])
def test_numbers_of_a_payload(db: Database, endpoint: Callable[..., str], where: str, number: str) -> None:
    """Up to 1e999 and 1,000 digits, in whatever way the event comes, nested or not."""
    config = endpoint()
    schema = json.dumps({"type": "object", "properties": {"n": {"type": "number"}}})
    db.execute("select public.webhook_define_event('a.b', 'x', %s)", (schema,))
    data = f'{{"n": {number}, "list": [{{"x": [{number}]}}]}}'
    if where == "trigger":
        db.execute("create table public.numbers (id integer primary key, d jsonb)")
        db.execute("select public.webhook_attach('public.numbers', 'c.d', 'insert', '[\"id\", \"d\"]')")
    calls = {
        "dispatch": ("select public.dispatch_webhook('a.b', %s)", (data,)),
        "with a key": ("select public.dispatch_webhook('a.b', %s, null, 'key')", (data,)),
        "direct insert": (
            "insert into public.webhook_deliveries (webhook_config_id, event_type, payload) values (%s, 'a.b', %s)",
            (config, data),
        ),
        "trigger": ("insert into public.numbers values (1, %s)", (data,)),
        "admin": (
            "select public.webhook_admin_write('dispatch', %s, 'key')",
            (f'{{"event_type": "a.b", "event_data": {data}}}',),
        ),
    }
    if NUMBERS[number] or where == "trigger":
        db.execute(*calls[where])
    else:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="above 1e999 or of more than 1000 digits"):
            db.execute(*calls[where])
    assert db.execute("select from public.webhook_deliveries").rowcount == (1 if NUMBERS[number] else 0)
    if where == "trigger":
        errors = db.execute("select pg_column_size(e.data) as size from public.webhook_trigger_errors as e").fetchall()
        assert len(errors) == (0 if NUMBERS[number] else 1)
        assert all(error["size"] < 1000 for error in errors)


@pytest.mark.parametrize(
    "data",
    [
        '{"n": [' + ", ".join(["1e131071"] * 4000) + "]}",
        '{"n": [' + ", ".join(["1e999"] * 100_000) + "]}",
        '{"n": [' + ", ".join(["1"] * 1_000_000) + "]}",
        '{"n": [' + ", ".join(["1e-16383"] * 4000) + "]}",
    ],
    ids=["huge", "many", "long", "small"],
)
@pytest.mark.parametrize("key", [None, "key"])
def test_a_rejection_is_cheap(db: Database, endpoint: Callable[..., str], data: str, key: str | None) -> None:
    """No text is produced of what is too long as text: the backend stays small."""
    endpoint()
    pid = db.info.backend_pid
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"more than 1000 digits|at most 262144"):
        db.execute("select public.dispatch_webhook('discussion.extended', %s, null, %s)", (data, key))
    peak = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 400_000, peak


def test_server_side_callers_name_any_actor(db: Database, endpoint: Callable[..., str]) -> None:
    """service_role, and a security definer function that a user calls."""
    endpoint()
    db.execute("""
        create function public.server_side(actor uuid) returns jsonb language sql security definer set search_path = ''
        as $$ select public.dispatch_webhook('user.cancelled_registration',
                  '{"event_id": "e", "registration_id": "r"}', actor) $$
    """)
    become(db, "authenticated", ANA)
    db.execute("select public.server_side(%s)", (BEN,))
    become(db, "service_role")
    db.execute("select public.dispatch_webhook('user.joined_community', %s::jsonb, %s)", (json.dumps(JOINED), BEN))
    actors = db.execute("select payload ->> 'actor_user_id' as actor from public.webhook_deliveries").fetchall()
    assert [row["actor"] for row in actors] == [BEN, BEN]


def test_a_direct_insert_is_complete(
    db: Database, endpoint: Callable[..., str], claim: Callable[..., list[dict[str, Any]]]
) -> None:
    """An edge function inserts endpoint, event type and payload with the service role; the row is deliverable."""
    config = endpoint()
    become(db, "service_role")
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
        " values (%s, 'x.y', '{\"a\": 1}')",
        (config,),
    )
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="256 KB"):
        db.execute(
            "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
            " values (%s, 'x.y', jsonb_build_object('a', repeat('x', 262144)))",
            (config,),
        )
    assert [row["body"] for row in claim()] == ['{"a": 1}']
    assert db.execute("select request_id from public.webhook_deliveries").fetchone()["request_id"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"url": "ftp://example.com"}, "scheme .* is not supported"),
        ({"url": "https://"}, "malformed"),
        ({"url": "https://host/a b"}, "white space"),
        ({"url": "https://user:pass@example.com/"}, "contains a user name or password"),
        ({"events": "{}"}, "has no events"),
        ({"events": "{user.joined_comunity}"}, "not in the catalog: user.joined_comunity"),
        ({"events": "{page_view}"}, "not in the catalog: page_view"),
        ({"secret_key": "whsec_not base64!"}, "no valid base64 follows"),
    ],
)
def test_a_wrong_endpoint_is_refused_when_it_is_saved(
    endpoint: Callable[..., str], columns: dict[str, str], message: str
) -> None:
    """The error names the endpoint and the cure, and never repeats a secret."""
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=message) as caught:
        endpoint(**columns)
    assert "pass@" not in str(caught.value)
    assert "not base64!" not in str(caught.value)


def test_a_user_may_dispatch_sixty_events_a_minute(db: Database, endpoint: Callable[..., str]) -> None:
    """Then the error says so; another user and the server go on; a second gives another one."""
    endpoint()
    sql = "select public.dispatch_webhook('user.joined_community', %s::jsonb)"
    become(db, "authenticated", ANA)
    # in one transaction now() stands still, so nothing refills
    with db.transaction():
        for _ in range(60):
            db.execute(sql, (json.dumps(JOINED),))
        refused = pytest.raises(psycopg.Error, match="you have dispatched more than 60 events in a minute")
        with refused as caught, db.transaction():
            db.execute(sql, (json.dumps(JOINED),))
    assert caught.value.sqlstate == "PT429"
    become(db, "authenticated", BEN)
    db.execute(sql, (json.dumps(JOINED),))
    db.execute("reset role")
    for _ in range(100):
        db.execute(sql, (json.dumps(JOINED),))
    db.execute("update webhooks.dispatch_allowances set at = at - interval '1 second'")
    become(db, "authenticated", ANA)
    db.execute(sql, (json.dumps(JOINED),))
    db.execute("reset role")
    assert db.execute("select from public.webhook_deliveries").rowcount == 162


def test_the_limit_is_a_function_to_replace(db: Database, endpoint: Callable[..., str]) -> None:
    """Null: none."""
    endpoint()
    db.execute("""create or replace function webhooks.dispatch_limit_per_minute() returns integer
                  language sql immutable set search_path = '' as 'select null::integer'""")
    become(db, "authenticated", ANA)
    for _ in range(200):
        db.execute("select public.dispatch_webhook('user.joined_community', %s::jsonb)", (json.dumps(JOINED),))
