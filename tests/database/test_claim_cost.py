"""A claim reads what is due, however many endpoints and rows wait alongside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

#: Pages more than alongside ten endpoints: the two or three levels by which the indexes are deeper, for each of the
#: hundred rows that are claimed. One look at each of 100,000 endpoints would be a thousand times as much.
MORE = 3

ENDPOINTS = """
insert into public.webhook_configurations (name, url, events)
select 'idle ' || n, 'https://example.com/idle', '{user.referred_user}' from generate_series(1, 100000) as n
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


def pages(db: Database) -> int:
    """Return how many pages a claim of 100 reads, once its functions are compiled; it is rolled back."""
    read = 0
    for _ in range(2):
        db.execute("begin")
        row = db.execute(
            "explain (analyze, buffers, format json) select public.claim_webhook_deliveries(100)"
        ).fetchone()
        assert row is not None
        plan = row["QUERY PLAN"][0]["Plan"]
        read = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        db.execute("rollback")
    return int(read)


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
    """Alongside 100,000 endpoints, with rows of tomorrow or without, it reads about what it reads alongside ten."""
    for _ in range(10):
        endpoint("{user.joined_community}")
    due(dispatch)
    few = pages(db)

    for statement in BESIDE[beside]:
        db.execute(statement.encode())
    if analyzed:
        db.execute(
            "vacuum analyze webhooks.delivery_queue, public.webhook_deliveries, public.webhook_configurations,"
            " public.webhook_circuits"
        )
    many = pages(db)
    before = scanned(db)
    assert len(claim(100)) == 100
    assert scanned(db) == before, "a table was read as a whole"
    assert many <= MORE * few, f"{many} pages alongside 100,000 endpoints, {few} alongside ten"
