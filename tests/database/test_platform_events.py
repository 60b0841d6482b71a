"""The platform's nine events, emitted by its tables: what each tells, once each, and never at the user's cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.test_dispatch import ANA, BEN, become

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

HOST, COMMUNITY, EVENT, DISCUSSION, COMMENT = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 6))
NINE = {
    "user.joined_platform", "user.joined_community", "user.registered_event", "user.cancelled_registration",
    "user.posted_comment", "user.flagged_comment", "user.referred_user", "discussion.auto_closed",
    "discussion.extended",
}  # fmt: skip


@pytest.fixture(scope="module")
def template(platforms: Callable[[str], str]) -> str:
    """All tests here run on the upgraded production schema."""
    return platforms("production")


@pytest.fixture(autouse=True)
def subscriber(db: Database, endpoint: Callable[..., str]) -> str:
    """Two users, and an endpoint for everything that they do from now on."""
    for user, name in ((ANA, "Ana"), (BEN, "Ben")):
        db.execute("insert into auth.users (id, email) values (%s, %s)", (user, f"{name}@example.com"))
        db.execute("insert into public.users (id, name) values (%s, %s)", (user, name))
    return endpoint()


def payloads(db: Database) -> list[dict[str, Any]]:
    """Return what was emitted, oldest first."""
    db.execute("reset role")
    rows = db.execute(
        "select payload from public.webhook_deliveries order by payload ->> 'timestamp', payload ->> 'event'"
    ).fetchall()
    return [row["payload"] for row in rows]


def one(db: Database, sql: str, *values: Any) -> Any:
    """Return the first value of the first row."""
    row = db.execute(sql.encode(), values).fetchone()
    assert row is not None
    return next(iter(row.values()))


def join(db: Database, user: str = ANA) -> None:
    """Join the community."""
    db.execute("insert into public.community_members (user_id, community_id) values (%s, %s)", (user, COMMUNITY))


def register(db: Database) -> Any:
    """Register Ana for the event; return the registration's id."""
    sql = (
        "insert into public.event_registrations (user_id, event_id, payment_id) values (%s, %s, %s) returning id::text"
    )
    return one(db, sql, ANA, EVENT, "pay_1")


def test_installing_reports_and_may_be_repeated(db: Database) -> None:
    """Attached, kept the second time, detached by the opposite, and left with the reason where it cannot be."""
    again = db.execute("select * from public.install_platform_webhooks()").fetchall()
    assert {row["event_type"] for row in again} == NINE
    assert {row["outcome"] for row in again} == {"kept"}
    gone = db.execute("select * from public.uninstall_platform_webhooks()").fetchall()
    assert {row["outcome"] for row in gone} == {"detached"}
    assert one(db, "select count(*) from pg_trigger where tgfoid = 'webhooks.on_change'::regproc") == 0
    join(db)
    assert payloads(db) == []
    assert {row["outcome"] for row in db.execute("select * from public.uninstall_platform_webhooks()").fetchall()} == {
        "left: it was not attached"
    }
    db.execute("drop table public.referrals; alter table public.flags drop column reason")
    made = {row["event_type"]: row["outcome"] for row in db.execute("select * from public.install_platform_webhooks()")}
    assert made.pop("user.referred_user") == "left: the table does not exist"
    assert 'column "reason" does not exist' in made.pop("user.flagged_comment")
    assert set(made.values()) == {"attached"}


def test_each_event_tells_what_the_catalog_says(db: Database) -> None:
    """Data and actor of all nine; nothing else is emitted on the way."""
    new = "00000000-0000-0000-0000-00000000000c"
    db.execute(
        "insert into auth.users (id, email, raw_user_meta_data) values (%s, 'c@example.com', '{\"name\": \"Cy\"}')",
        (new,),
    )
    db.execute("insert into public.users (id, name) values (%s, 'Cy')", (new,))
    join(db)
    registration = register(db)
    db.execute("delete from public.event_registrations")
    sql = "insert into public.discussion_comments (discussion_id, user_id, text) values (%s, %s, %s) returning id::text"
    comment = one(db, sql, DISCUSSION, ANA, "Grüezi 🎉")
    sql = "insert into public.flags (flagged_user_id, flagged_by_id, comment_id, reason) values (%s, %s, %s, 'spam')"
    db.execute(sql.encode(), (HOST, BEN, COMMENT))
    db.execute("select public.apply_referral_code('HANA2026', %s)", (new,))
    become(db, "authenticated", HOST)
    db.execute("set timezone = 'Asia/Kathmandu'")
    db.execute("update public.discussions set expires_at = '2127-01-01T00:00:00.5Z'")
    db.execute("reset role")
    db.execute("update public.discussions set expires_at = now() - interval '1 second'")
    become(db, "service_role")
    assert one(db, "select public.close_expired_discussions()") == {"closed": 1, "remaining": 0}
    told = {p["event"]: (p["actor_user_id"], p["data"]) for p in payloads(db)}
    assert len(payloads(db)) == len(told) == 9
    closed_at = told["discussion.auto_closed"][1].pop("closed_at")
    assert closed_at.endswith("Z")
    assert len(closed_at) == len("2026-01-29T12:34:56.789Z")
    assert told == {
        "user.joined_platform": (new, {"user_id": new, "email": "c@example.com", "name": "Cy"}),
        "user.joined_community": (
            ANA,
            {"community_id": COMMUNITY, "community_name": "Lesekreis Zürich", "community_city": "Zürich"},
        ),
        "user.registered_event": (
            ANA,
            {"event_id": EVENT, "registration_id": registration, "payment_id": "pay_1", "status": "registered"},
        ),
        "user.cancelled_registration": (ANA, {"event_id": EVENT, "registration_id": registration}),
        "user.posted_comment": (
            ANA,
            {"discussion_id": DISCUSSION, "comment_id": comment, "comment_text": "Grüezi 🎉"},
        ),
        "user.flagged_comment": (BEN, {"comment_id": COMMENT, "flagged_user_id": HOST, "reason": "spam"}),
        "user.referred_user": (
            HOST,
            {"referred_user_id": new, "referrer_id": HOST, "referral_code": "HANA2026"},
        ),
        "discussion.extended": (HOST, {"discussion_id": DISCUSSION, "new_expires_at": "2127-01-01T00:00:00.500Z"}),
        "discussion.auto_closed": (None, {"discussion_id": DISCUSSION}),
    }


def test_no_event_without_its_change(db: Database) -> None:
    """Nothing for a shortened or touched discussion, a hidden one that has time left, or an insert of no row."""
    db.execute("update public.discussions set title = 'x'")
    db.execute("update public.discussions set expires_at = expires_at - interval '1 day'")
    db.execute("update public.discussions set is_visible = false")
    db.execute("delete from public.event_registrations")
    join(db)
    db.execute("insert into public.community_members values (%s, %s) on conflict do nothing", (ANA, COMMUNITY))
    with pytest.raises(psycopg.errors.UniqueViolation):
        join(db)
    assert [p["event"] for p in payloads(db)] == ["user.joined_community"]


@pytest.mark.parametrize(
    ("sql", "emitted"),
    [
        ("delete from auth.users where id = %s", 0),
        ("delete from public.users where id = %s", 0),
        (f"delete from public.events where %s <> '' and id = '{EVENT}'", 0),
        (f"delete from public.communities where %s <> '' and id = '{COMMUNITY}'", 0),
        ("delete from public.event_registrations where user_id = %s", 1),
    ],
)
def test_a_cascade_is_no_cancellation(db: Database, sql: str, emitted: int) -> None:
    """A registration that goes with its user or event was not cancelled by the user; a deleted one was."""
    register(db)
    db.execute(sql.encode(), (ANA,))
    assert one(db, "select count(*) from public.event_registrations") == 0
    assert sum(p["event"] == "user.cancelled_registration" for p in payloads(db)) == emitted


def test_the_change_and_its_event_are_one_transaction(db: Database) -> None:
    """A rollback takes both."""
    with db.transaction(force_rollback=True):
        join(db)
        assert len(payloads(db)) == 1
    assert payloads(db) == []


def test_a_bulk_change_costs_one_dispatch(db: Database, endpoint: Callable[..., str]) -> None:
    """10,000 members in one statement: 20,000 deliveries by one insert, 10,000 request ids, and no row is lost."""
    db.execute("select public.webhook_detach('auth.users', 'user.joined_platform', 'insert')")
    db.execute(
        "insert into auth.users (id, email) select gen_random_uuid(), n || '@x' from generate_series(1, 10000) n"
    )
    db.execute("insert into public.users (id, name) select id, email from auth.users where email like '%@x'")
    db.execute("""
        create table public.inserts (n integer);
        create function public.count_insert() returns trigger language plpgsql as
        $$ begin insert into public.inserts values (1); return null; end $$;
        create trigger count_insert after insert on public.webhook_deliveries
        for each statement execute function public.count_insert();
        create trigger count_insert after insert on webhooks.idempotency_keys
        for each statement execute function public.count_insert();
    """)
    endpoint("{user.*}")
    endpoint("{discussion.*}")
    db.execute("insert into public.community_members (user_id, community_id)"
               f" select id, '{COMMUNITY}' from public.users where name like '%@x'".encode())  # fmt: skip
    assert one(db, "select count(*) from public.inserts") == 2
    found = db.execute("""
        select count(*) as rows, count(distinct request_id) as requests,
               count(distinct payload -> 'actor_user_id') as users
        from public.webhook_deliveries where status = 'pending' and payload ->> 'request_id' = request_id::text
    """).fetchone()
    assert found == {"rows": 20_000, "requests": 10_000, "users": 10_000}
    assert one(db, "select count(*) from public.webhook_trigger_errors") == 0


def test_a_frontend_that_dispatches_too_gets_the_same_event(db: Database) -> None:
    """The trigger's request_id, whatever else it says and however it writes an id; another user gets an error."""
    call = "select public.dispatch_webhook('user.joined_community', %s::jsonb, %s)"
    data = {"community_id": COMMUNITY.upper(), "community_name": "old name", "community_city": "Zürich"}
    become(db, "authenticated", ANA)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"is emitted by the database when public\.comm"):
        one(db, call, json.dumps(data), ANA)
    join(db)
    responses = [one(db, call, json.dumps(data), actor) for actor in (ANA, None, ANA)]
    become(db, "authenticated", BEN)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="you have made no such change"):
        one(db, call, json.dumps(data), BEN)
    (payload,) = payloads(db)
    assert responses == [{"request_id": payload["request_id"], "deliveries": 1}] * 3

    # leaving and joining again is another event, and what the frontend gets then
    become(db, "authenticated", ANA)
    db.execute("delete from public.community_members")
    join(db)
    again = one(db, call, json.dumps(data), ANA)
    assert again["request_id"] != payload["request_id"]
    assert [p["request_id"] for p in payloads(db)] == [payload["request_id"], again["request_id"]]


def test_a_referral_is_told_once(db: Database) -> None:
    """By the trigger; apply_referral_code's own dispatch, and a second call of it, change nothing."""
    become(db, "authenticated", ANA)
    for _ in range(2):
        assert one(db, "select public.apply_referral_code('HANA2026', %s)", ANA)["success"] is True
    assert [p["event"] for p in payloads(db)] == ["user.referred_user"]
    db.execute("update public.users set referral_code = 'BEN' where id = %s", (BEN,))
    db.execute("select public.apply_referral_code('BEN', %s)", (ANA,))
    assert len(payloads(db)) == 1, "she was referred already"


@pytest.mark.parametrize("first", ["dispatch", "change"])
def test_a_server_that_dispatches_before_the_change(db: Database, first: str) -> None:
    """In one transaction, in either order: one event. A server's dispatch without a change is believed."""
    data = json.dumps({"community_id": COMMUNITY, "community_name": "n", "community_city": "c"})
    with db.transaction():
        if first == "change":
            join(db)
        db.execute("select public.dispatch_webhook('user.joined_community', %s::jsonb, %s)", (data, ANA))
        if first == "dispatch":
            join(db)
    assert len(payloads(db)) == 1
    for _ in range(2):
        db.execute("select public.dispatch_webhook('user.joined_community', %s::jsonb, %s)", (data, BEN))
    assert len(payloads(db)) == 3
    join(db, BEN)
    assert len(payloads(db)) == 4, "a change of another transaction is another event"


def test_a_trigger_that_is_gone_leaves_dispatching_as_it_was(db: Database) -> None:
    """Dropped or disabled by hand: the frontend's own dispatch makes the event again."""
    data = json.dumps({"community_id": COMMUNITY, "community_name": "n", "community_city": "c"})
    db.execute("alter table public.community_members disable trigger user")
    become(db, "authenticated", ANA)
    one(db, "select public.dispatch_webhook('user.joined_community', %s::jsonb, %s)", data, ANA)
    assert len(payloads(db)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "drop table public.webhook_event_types cascade",
        "drop table public.webhook_configurations cascade",
        "drop table public.webhook_deliveries cascade",
        "drop table public.webhook_triggers cascade",
        "drop table webhooks.idempotency_keys cascade",
        "truncate public.webhook_triggers",
        "alter table public.webhook_event_types rename column data_schema to x",
        "drop function webhooks.emit_changes",
        'update public.webhook_event_types set data_schema = \'{"required": ["x"]}\' where example is not null',
        "alter table public.webhook_deliveries add constraint no check (event_type = 'x')",
        "alter table public.communities rename column city to town",
    ],
)
def test_a_broken_webhook_never_fails_the_user(db: Database, damage: str) -> None:
    """The user joins, the error is recorded with its cause, and no half of an event remains."""
    db.execute(damage.encode())
    become(db, "authenticated", ANA)
    join(db)
    db.execute("reset role")
    assert one(db, "select count(*) from public.community_members") == 1
    (error,) = db.execute("select * from public.webhook_trigger_errors").fetchall()
    assert (error["source"], error["operation"]) == ("public.community_members", "insert")
    assert error["code"]
    assert error["message"]
    if "drop table public.webhook_deliveries" not in damage:
        assert payloads(db) == []


def test_not_even_when_the_error_cannot_be_recorded(db: Database) -> None:
    """A warning in the server's log is what remains."""
    notices: list[str] = []
    db.add_notice_handler(lambda notice: notices.append(f"{notice.severity}: {notice.message_primary}"))
    db.execute("drop table public.webhook_event_types cascade; drop table public.webhook_trigger_errors")
    become(db, "authenticated", ANA)
    join(db)
    assert any(n.startswith("WARNING: webhook events of public.community_members are lost") for n in notices)


def test_a_locked_table_does_not_hold_the_user_up(db: Database, dsn: str) -> None:
    """Someone alters the deliveries: the event is given up after the lock timeout, and recorded."""
    with psycopg.connect(dsn) as other:
        other.execute("lock table public.webhook_deliveries in access exclusive mode")
        join(db)
        error = db.execute("select * from public.webhook_trigger_errors").fetchone()
        assert error is not None
        assert (error["code"], error["events"]) == ("55P03", 1)
        other.rollback()
    assert one(db, "select count(*) from public.community_members") == 1


def test_a_row_that_cannot_be_sent_does_not_stop_the_others(db: Database) -> None:
    """A comment of 300,000 characters among three: two events, and one error that repeats no text."""
    db.execute(
        "insert into public.discussion_comments (discussion_id, user_id, text)"
        " select %s, %s, repeat('x', n) from unnest('{1, 300000, 2}'::integer[]) n",
        (DISCUSSION, ANA),
    )
    assert sorted(p["data"]["comment_text"] for p in payloads(db)) == ["x", "xx"]
    error = db.execute("select * from public.webhook_trigger_errors").fetchone()
    assert error is not None
    assert error["events"] == 1
    assert "256 KB" in error["message"]
    assert len(error["message"]) < 200


def expire(db: Database, count: int) -> None:
    """Make discussions that have expired."""
    db.execute(
        "insert into public.discussions (community_id, title, created_by, expires_at)"
        " select %s, 't', %s, now() - interval '1 hour' from generate_series(1, %s)",
        (COMMUNITY, ANA, count),
    )


@pytest.mark.parametrize("attached", [True, False])
def test_expired_discussions_are_closed_in_batches(db: Database, attached: bool) -> None:
    """With or without the trigger, each is told once; open and hidden ones stay as they are."""
    if not attached:
        db.execute("select public.uninstall_platform_webhooks()")
    expire(db, 25)
    become(db, "service_role")
    responses = [one(db, "select public.close_expired_discussions(10)") for _ in range(4)]
    assert responses == [
        {"closed": 10, "remaining": 15}, {"closed": 10, "remaining": 5}, {"closed": 5, "remaining": 0},
        {"closed": 0, "remaining": 0},
    ]  # fmt: skip
    told = payloads(db)
    assert {p["event"] for p in told} == {"discussion.auto_closed"}
    closed = {str(row["id"]) for row in db.execute("select id from public.discussions where not is_visible").fetchall()}
    assert sorted(p["data"]["discussion_id"] for p in told) == sorted(closed)
    assert len(closed) == 25
    assert one(db, "select is_visible from public.discussions where id = %s", DISCUSSION) is True


def test_two_that_close_at_once_take_different_ones(db: Database, dsn: str) -> None:
    """The second skips what the first holds, and waits for nothing."""
    expire(db, 15)
    with psycopg.connect(dsn) as other:
        first = other.execute("select public.close_expired_discussions(10) ->> 'closed'").fetchone()
        assert first == ("10",)
        db.execute("set lock_timeout = '10s'")
        assert one(db, "select public.close_expired_discussions(10)")["closed"] == 5
        other.commit()
    assert len(payloads(db)) == 15


def test_closing_goes_on_when_the_webhooks_are_broken(db: Database) -> None:
    """The discussions are closed, the loss is recorded."""
    db.execute("select public.uninstall_platform_webhooks()")
    db.execute("delete from public.webhook_event_types where name = 'discussion.auto_closed'")
    expire(db, 3)
    assert one(db, "select public.close_expired_discussions()")["closed"] == 3
    error = db.execute("select * from public.webhook_trigger_errors").fetchone()
    assert error is not None
    assert error["events"] == 3


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_closing_is_for_servers(db: Database, role: str) -> None:
    """Not for users."""
    become(db, role, ANA)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select public.close_expired_discussions()")
