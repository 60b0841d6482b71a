"""A claim reads what is due, and a record its own rows, however many endpoints and rows there are alongside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.database.conftest import pages, record_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

#: Pages more than alongside ten endpoints: the two or three levels by which the indexes are deeper, for each of the
#: hundred rows that are claimed. One look at each of 20,000 endpoints would be hundreds of times as much.
MORE = 3

#: Without their checks, which take long. `make bench` has 100,000 of them (n).
ENDPOINTS = """
select set_config('session_replication_role', 'replica', false);
insert into public.webhook_configurations (name, url, events)
select 'idle ' || n, 'https://example.com/idle', '{user.referred_user}' from generate_series(1, 20000) as n;
insert into public.webhook_circuits (webhook_config_id)
select c.id from public.webhook_configurations as c where c.name like 'idle %';
select set_config('session_replication_role', 'origin', false);
"""

#: This many rows for each idle endpoint, due tomorrow.
TOMORROW = """
insert into public.webhook_deliveries (webhook_config_id, event_type, payload, next_attempt_at)
select c.id, 'user.referred_user', '{}', now() + interval '1 day'
from public.webhook_configurations as c, generate_series(1, %s)
where c.name like 'idle %%'
"""

BESIDE = {
    "endpoints with nothing": [ENDPOINTS],
    "endpoints with a row of tomorrow": [ENDPOINTS, TOMORROW % 1],
    "endpoints with two rows of tomorrow": [ENDPOINTS, TOMORROW % 2],
}


def due(dispatch: Callable[..., Any]) -> None:
    """Make 100 deliveries due, ten of each endpoint that subscribes to them."""
    for _ in range(10):
        dispatch()


def claimed(db: Database) -> int:
    """Return how many pages a claim of 100 reads, once its functions are compiled; it is rolled back."""
    read = 0
    for _ in range(2):
        with db.transaction(force_rollback=True):
            read = pages(db, "select public.claim_webhook_deliveries(100)")
    return read


def recorded(db: Database, dispatch: Callable[..., Any], claim: Any) -> int:
    """Return how many pages the recording of one result reads, once its functions are compiled."""
    read = 0
    for _ in range(3):
        dispatch()
        read = record_pages(db, claim())
    return read


def scanned(db: Database) -> dict[str, int]:
    """Return how often each table was read as a whole."""
    db.execute("select pg_stat_force_next_flush()")
    db.execute("select pg_stat_clear_snapshot()")
    rows = db.execute(
        "select relname, seq_scan from pg_stat_user_tables"
        " where relname in ('delivery_queue', 'webhook_deliveries', 'webhook_configurations', 'webhook_circuits')"
    ).fetchall()
    return {row["relname"]: row["seq_scan"] for row in rows}


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("analyzed", [True, False], ids=["analyzed", "never analyzed"])
def test_idle_endpoints_cost_a_claim_nothing(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, beside: str, analyzed: bool
) -> None:
    """Alongside 20,000 endpoints, with rows of tomorrow or without, it reads about what it reads alongside ten."""
    for _ in range(10):
        endpoint("{user.joined_community}")
    due(dispatch)
    few = claimed(db)

    for statement in BESIDE[beside]:
        db.execute(statement.encode())
    if analyzed:
        db.execute(
            "vacuum analyze webhooks.delivery_queue, public.webhook_deliveries, public.webhook_configurations,"
            " public.webhook_circuits"
        )
    many = claimed(db)
    before = scanned(db)
    assert len(claim(100)) == 100
    assert scanned(db) == before, "a table was read as a whole"
    assert many <= MORE * few, f"{many} pages alongside 20,000 endpoints, {few} alongside ten"


def test_idle_endpoints_cost_a_record_nothing(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any
) -> None:
    """Alongside 20,000 endpoints it reads about what it reads alongside one."""
    endpoint("{user.joined_community}")
    few = recorded(db, dispatch, claim)
    db.execute(ENDPOINTS.encode())
    db.execute("vacuum analyze public.webhook_configurations, public.webhook_circuits")
    many = recorded(db, dispatch, claim)
    assert many <= MORE * few, f"{many} pages alongside 20,000 endpoints, {few} alongside one"


#: Endpoints that are disabled, each with a row that is ready and stays.
DISABLED = """
with disabled as (
    insert into public.webhook_configurations (name, url, events, is_active)
    select 'disabled ' || n, 'https://example.com/disabled', '{user.referred_user}', false
    from generate_series(1, %s) as n
    returning id
)
insert into public.webhook_deliveries (webhook_config_id, event_type, payload)
select id, 'user.referred_user', '{}' from disabled
"""

#: What holds deliveries of an active endpoint back for a time.
HELD_BACK = {
    "an open circuit": "state = 'open', open_until = now() + interval '1 hour'",
    "a pause": "paused_until = now() + interval '1 hour'",
    "a rate limit": "tokens = 0, tokens_at = now()",
}


@pytest.mark.parametrize("what", HELD_BACK)
def test_disabled_endpoints_cost_nothing_when_it_is_asked_what_is_due(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], what: str
) -> None:
    """Each claim that finds little asks it; deliveries of disabled endpoints may be held for good."""
    endpoint("{user.joined_community}", rate_limit_per_second=1)
    dispatch()
    db.execute((DISABLED % 10).encode())

    def asked() -> tuple[bool, int]:
        """Return whether it waits for the endpoint, and how many pages were read to find that out."""
        with db.transaction(force_rollback=True):
            db.execute(f"update public.webhook_circuits set {HELD_BACK[what]} from public.webhook_configurations as c"
                       " where c.id = webhook_config_id and c.is_active".encode())  # fmt: skip
            for setting in ("enable_seqscan = off", "enable_bitmapscan = off", "plan_cache_mode = force_generic_plan"):
                db.execute(f"set local {setting}".encode())  # as in a claim
            read = [pages(db, "select webhooks.due_in_seconds(null)") for _ in range(2)][-1]
            due = db.execute("select webhooks.due_in_seconds(null) as seconds").fetchone()
            return due["seconds"] is not None, read  # type: ignore[index]

    waits, few = asked()
    assert waits
    db.execute((DISABLED % 10_000).encode())
    db.execute("vacuum analyze")
    waits, many = asked()
    assert waits
    assert many <= MORE * few, f"{many} pages alongside 10,000 disabled endpoints, {few} alongside ten"
