"""Retention: what is deleted, and what never is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]


def purge(db: Database, older_than: str = "30 days", batch_size: int = 1000) -> int:
    """Purge once."""
    row = db.execute("select public.purge_webhook_history(%s::interval, %s) as n", (older_than, batch_size)).fetchone()
    assert row is not None
    return int(row["n"])


def test_what_is_finished_and_old_goes_with_its_attempts(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """A batch at a time; what is recent, pending or in progress stays."""
    endpoint()
    for _ in range(10):
        dispatch()
    # now, so that the figures of the hour stay
    record(*claim(8), started_at=datetime.now(UTC).isoformat())
    db.execute(
        "update public.webhook_deliveries set finished_at = finished_at - interval '31 days', created_at = created_at"
        " - interval '31 days'"
        " where id in (select id from public.webhook_deliveries where finished_at is not null limit 7)"
    )
    claim(1)
    db.execute("update public.webhook_deliveries set created_at = created_at - interval '1 year'")
    assert purge(db, batch_size=5) == 5
    assert purge(db, batch_size=5) == 2
    assert purge(db) == 0
    counts = db.execute("select status, count(*) as n from public.webhook_deliveries group by 1 order by 1").fetchall()
    assert counts == [
        {"status": "delivered", "n": 1},
        {"status": "pending", "n": 1},
        {"status": "processing", "n": 1},
    ]
    assert db.execute("select from public.webhook_attempts").rowcount == 1


def test_runs_and_idempotency_keys_go_too(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """They would grow forever otherwise; a key is remembered as long as its deliveries."""
    endpoint()
    db.execute("select public.start_webhook_dispatcher_run('test')")
    dispatch("user.joined_community", {"community_id": "c", "community_name": "n", "community_city": "z"}, None, "key")
    assert purge(db) == 0
    db.execute("update public.webhook_dispatcher_runs set started_at = started_at - interval '31 days'")
    db.execute("update webhooks.idempotency_keys set created_at = created_at - interval '31 days'")
    # the newest heartbeat stays: a cron that has stopped is not one that was never set up
    assert purge(db) == 1
    db.execute("select public.start_webhook_dispatcher_run('test')")
    assert purge(db) == 1
    assert db.execute("select from public.webhook_dispatcher_runs").rowcount == 1


def test_held_rows_are_passed_over_once(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """What is old goes, behind fifty thousand that are held; each call reads a window, the next goes on from there."""
    endpoint()
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, created_at)"
        " select id, 'x.y', '{}', now() - interval '1 year'"
        " from public.webhook_configurations, generate_series(1, 50000)"
    )
    dispatch()
    db.execute(
        "update public.webhook_deliveries set status = 'failed', created_at = now() - interval '40 days',"
        " finished_at = now() - interval '40 days' where event_type <> 'x.y'"
    )
    db.execute("analyze public.webhook_deliveries")
    purged = []
    for _ in range(6):
        # what earlier statements read is not counted
        db.execute("select pg_stat_force_next_flush()")
        with db.transaction():
            purged.append(purge(db))
            read = db.execute(
                "select sum(pg_stat_get_xact_tuples_returned(o.oid)) as n from pg_class as o"
                " where o.oid = 'public.webhook_deliveries'::regclass or o.oid in ("
                "select i.indexrelid from pg_index as i where i.indrelid = 'public.webhook_deliveries'::regclass)"
            ).fetchone()
        assert read is not None
        assert read["n"] <= 20_000 + 100, "its window, and that of the search for rows without a place in the queue"
    assert purged == [0, 0, 0, 0, 0, 1]
    assert db.execute("select from public.webhook_deliveries").rowcount == 50_000


def test_a_late_result_does_not_hold_up_retention(
    db: Database, dsn: str, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """Who records results of an old hour locks its figures in an order of their own: waiting for them is a deadlock."""
    endpoint()
    for day in (1, 2):
        dispatch()
        record(*claim(), started_at=f"2026-01-0{day}T00:00:00Z")
    with psycopg.connect(dsn) as other:
        other.execute("update webhooks.delivery_rollups set attempts = attempts + 1 where hour < '2026-01-02'")
        db.execute("set lock_timeout = '200ms'")
        assert purge(db) == 1
        left = db.execute("select date_trunc('day', hour, 'UTC')::date::text as day from webhooks.delivery_rollups")
        assert left.fetchall() == [{"day": "2026-01-01"}]
    assert purge(db) == 1
    assert db.execute("select from webhooks.delivery_rollups").rowcount == 0


def test_what_servers_dispatched_goes_and_what_people_did_stays(db: Database) -> None:
    """There are as many rows of it as events; a person's action is kept, whatever it was."""
    db.execute(
        "insert into public.webhook_admin_actions (actor, actor_id, action, acted_at)"
        " select coalesce(id, 'service_role'), id, action, now() - age * interval '1 day'"
        " from unnest(array[null, 'ana']) id, unnest(array['dispatch', 'retry']) action, unnest(array[29, 31]) age"
    )
    assert purge(db) == 1
    assert db.execute(
        "select from public.webhook_admin_actions"
        " where action = 'dispatch' and actor_id is null and acted_at < now() - interval '30 days'"
    ).rowcount == 0  # fmt: skip
    assert db.execute("select from public.webhook_admin_actions").rowcount == 7


@pytest.mark.parametrize("older_than", [None, "-1 day"])
def test_a_wrong_interval(db: Database, older_than: str | None) -> None:
    """It would delete what is recent."""
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="older_than must be"):
        db.execute("select public.purge_webhook_history(%s::interval)", (older_than,))
