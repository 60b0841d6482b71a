"""dispatch_webhook: who may, what is refused, and what rows come of it."""

from __future__ import annotations

import json
from datetime import datetime
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
    answer = dispatch("user.joined_community", JOINED, ANA)
    rows = db.execute("select * from public.webhook_deliveries").fetchall()
    assert answer["deliveries"] == 3
    assert {str(row["webhook_config_id"]) for row in rows} == wanted
    for row in rows:
        payload = row["payload"]
        assert set(payload) == {"event", "timestamp", "actor_user_id", "data", "request_id"}
        assert payload["event"] == row["event_type"] == "user.joined_community"
        assert payload["actor_user_id"] == ANA
        assert payload["data"] == JOINED
        assert payload["request_id"] == answer["request_id"] == str(row["request_id"])
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
    """The extension's function decides, if the project has it; here a stand-in with its signature refuses all."""
    db.execute("""
        create schema if not exists extensions;
        create function extensions.jsonb_matches_schema(schema json, instance jsonb) returns boolean
        language sql immutable as 'select false'
    """)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="does not satisfy the type's JSON Schema"):
        dispatch()


def test_a_repeated_idempotency_key(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """It returns the first answer and delivers nothing again; another key is another event."""
    endpoint()
    first = dispatch("user.joined_community", JOINED, None, "key-1")
    assert dispatch("user.joined_community", JOINED, None, "key-1") == first
    assert dispatch("user.joined_community", JOINED, None, "key-2") != first
    assert db.execute("select from public.webhook_deliveries").rowcount == 2


def test_a_user_dispatches_for_itself_only(db: Database, endpoint: Callable[..., str]) -> None:
    """actor_user_id is null or one's own; another's is an error and leaves no row. Keys of users do not meet."""
    endpoint()
    call = "select public.dispatch_webhook('user.joined_community', %s::jsonb, %s, 'my key') as answer"
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
        ({"url": "https://host/a b"}, "malformed"),
        ({"url": "https://user:pass@example.com/"}, "carries a user name or password"),
        ({"events": "{}"}, "subscribes to nothing"),
        ({"events": "{user.joined_comunity}"}, "event catalog does not have: user.joined_comunity"),
        ({"events": "{page_view}"}, "does not have: page_view"),
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
    for _ in range(60):
        db.execute(sql, (json.dumps(JOINED),))
    with pytest.raises(psycopg.Error, match="you have dispatched more than 60 events in a minute") as caught:
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
