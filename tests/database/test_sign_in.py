"""Signing in to the dashboard: tries are counted, and a second factor that an account has is asked for."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import ADMIN, as_admin, call
from tests.database.test_dispatch import BEN
from tests.roles import made_role

if TYPE_CHECKING:
    from psycopg import Connection

    Database = Connection[dict[str, Any]]

PAIR, OTHER = "a" * 64, "b" * 64

#: auth.mfa_factors as Supabase Auth creates it; tests/hosted/sql/03_auth.sql has it already.
FACTORS = """
    create schema if not exists auth;
    create table auth.mfa_factors (
        id uuid primary key, user_id uuid not null, friendly_name text, factor_type text not null, status text not null,
        created_at timestamptz not null, updated_at timestamptz not null
    );
    alter table auth.mfa_factors enable row level security;
"""


def make_user(db: Database, user: str) -> None:
    """Make an admin's account and a session of it, both with this id, unless the account is there."""
    admin = '{"role": "admin"}'
    made = db.execute(
        "insert into auth.users (id, raw_app_meta_data) values (%s, %s) on conflict do nothing", (user, admin)
    )
    if made.rowcount:
        db.execute("insert into auth.sessions (id, user_id) values (%(id)s, %(id)s)", {"id": user})


def give_factor(db: Database, user: str, status: str) -> None:
    """Give a user a second factor."""
    if db.execute("select to_regclass('auth.mfa_factors') as table").fetchone() == {"table": None}:
        db.execute(FACTORS.encode())
    make_user(db, user)
    db.execute(
        "insert into auth.mfa_factors values (gen_random_uuid(), %s, null, 'totp', %s, now(), now())", (user, status)
    )


def count(db: Database, pair: str = PAIR) -> int:
    """Count a try; return the seconds to wait."""
    return int(call(db, "count_webhook_sign_in", pair))


def later(db: Database, by: str) -> None:
    """Let time pass."""
    db.execute("update webhooks.sign_in_tries set since = since - %s::interval", (by,))


def test_ten_tries_in_fifteen_minutes(db: Database) -> None:
    """Then that pair waits for the rest of the time, however often it tries; another does not."""
    assert [count(db) for _ in range(10)] == [0] * 10
    assert {850 < count(db) <= 900 for _ in range(30)} == {True}
    assert count(db, OTHER) == 0
    later(db, "14 minutes")
    assert 0 < count(db) <= 60
    later(db, "1 minute")
    assert [count(db) for _ in range(10)] == [0] * 10
    assert count(db) > 0


def test_a_sign_in_that_succeeds_forgets_them(db: Database) -> None:
    """Of that pair alone."""
    for pair in (PAIR, OTHER):
        for _ in range(11):
            count(db, pair)
    call(db, "forget_webhook_sign_ins", PAIR)
    assert (count(db), count(db, OTHER) > 0) == (0, True)


def test_tries_at_once(dsn: str) -> None:
    """Of thirty by several gateways at the same moment, ten are allowed."""

    def attempt(_: int) -> int:
        with psycopg.connect(dsn, autocommit=True) as db:
            row = db.execute("select public.count_webhook_sign_in(%s)", (PAIR,)).fetchone()
            assert row is not None
            return int(row[0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, range(30))).count(0) == 10


@pytest.mark.parametrize("pair", ["", "a" * 63, "A" * 64, "admin@example.com", "a" * 65])
def test_nothing_but_hashes_is_kept(db: Database, pair: str) -> None:
    """Neither addresses nor accounts, which a stranger may fill with anything."""
    with pytest.raises(psycopg.errors.CheckViolation):
        count(db, pair)


def test_upkeep_forgets_them(db: Database) -> None:
    """After their fifteen minutes, in batches; also with retention off."""
    for n in range(5):
        count(db, f"{n:064x}")
    later(db, "15 minutes")
    count(db)
    purged = [call(db, "purge_webhook_history", "100 years", 3) for _ in range(3)]
    assert purged == [3, 2, 0]
    assert db.execute("select pair from webhooks.sign_in_tries").fetchall() == [{"pair": PAIR}]


def sign_in(db: Database, **claims: str) -> None:
    """Go on as an admin whose token says this as well."""
    make_user(db, ADMIN)
    claims["session_id"] = ADMIN
    as_admin(db)
    row = db.execute("select current_setting('request.jwt.claims') as claims").fetchone()
    assert row is not None
    db.execute("select set_config('request.jwt.claims', %s, false)", (json.dumps(json.loads(row["claims"]) | claims),))


@pytest.mark.parametrize(
    ("status", "claims", "admin"),
    [
        (None, {}, True),
        (None, {"aal": "aal1"}, True),
        ("unverified", {"aal": "aal1"}, True),
        ("verified", {}, False),
        ("verified", {"aal": "aal1"}, False),
        ("verified", {"aal": "AAL2"}, False),
        ("verified", {"aal": "aal2"}, True),
    ],
)
def test_an_admin_with_a_second_factor_gives_it(
    db: Database, status: str | None, claims: dict[str, str], admin: bool
) -> None:
    """Else it reads nothing and calls nothing: by a table, a function, a write. Another's factor does not count."""
    db.execute("insert into public.webhook_dispatcher_runs (source) values ('test')")
    give_factor(db, BEN, "verified")
    if status:
        give_factor(db, ADMIN, status)
    sign_in(db, **claims)
    assert db.execute("select from public.webhook_dispatcher_runs").rowcount == admin
    endpoint = json.dumps({"name": "a", "url": "https://example.com", "events": ["*"]})
    for function, arguments in (
        ("webhook_admin_check", ()),
        ("list_webhook_endpoints", ()),
        ("create_webhook_endpoint", (endpoint,)),
    ):
        if admin:
            call(db, function, *arguments)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only webhook admins"):
                call(db, function, *arguments)


def test_factors_that_cannot_be_read_are_not_none(db: Database) -> None:
    """Where the owner of our functions may not see the rows: an error, not an admin without a second factor."""
    give_factor(db, ADMIN, "verified")
    with made_role(db, "lesser"):
        db.execute(
            "grant usage on schema auth to lesser; grant select on auth.mfa_factors to lesser;"
            "grant usage, create on schema webhooks to lesser;"
            "grant execute on all functions in schema webhooks to lesser;"
            "alter function webhooks.second_factor_given() owner to lesser"
        )
        sign_in(db)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            call(db, "webhook_admin_check")
