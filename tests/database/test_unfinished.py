"""A row is unfinished as long as finished_at is null, no matter who writes it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]


def test_made_due_again_by_hand(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """Who sets only the status, as before there were retries, gets the row delivered again."""
    endpoint()
    dispatch()
    record(*claim())
    db.execute("set role service_role")
    db.execute("update public.webhook_deliveries set status = 'pending'")
    rows = db.execute("select finished_at from public.webhook_deliveries").fetchall()
    assert rows == [{"finished_at": None}]
    db.execute("reset role")
    assert len(claim()) == 1


def test_finished_by_hand(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """And a row that is given up by hand is finished now; one whose moment is given keeps it."""
    endpoint()
    for _ in range(2):
        dispatch()
    db.execute(
        "update public.webhook_deliveries set status = 'failed'"
        " where id = (select id from public.webhook_deliveries limit 1)"
    )
    db.execute(
        "update public.webhook_deliveries set status = 'failed', finished_at = now() - interval '1 hour'"
        " where status = 'pending'"
    )
    rows = db.execute(
        "select now() - finished_at > interval '30 minutes' as long_ago from public.webhook_deliveries"
    ).fetchall()
    assert sorted(row["long_ago"] for row in rows) == [False, True]


def test_a_result_keeps_the_databases_moment(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """The trigger leaves alone what claim and record write."""
    endpoint()
    dispatch()
    with db.transaction():
        record(*claim())
        row = db.execute("select finished_at = now() as same from public.webhook_deliveries").fetchone()
    assert row == {"same": True}


def test_inserted_as_finished(db: Database, endpoint: Callable[..., str]) -> None:
    """It is finished at that moment, so that retention finds it; a failed one is among the failed."""
    config = endpoint()
    for status in ("delivered", "failed"):
        db.execute(
            "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status)"
            " values (%s, 'x.y', '{}', %s)",
            (config, status),
        )
    assert db.execute("select from public.webhook_deliveries where finished_at = created_at").rowcount == 2
    assert db.execute("select from webhooks.failed_deliveries").rowcount == 1
    assert db.execute("select from webhooks.delivery_queue").rowcount == 0


def test_truncated(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """What follows deliveries is emptied with them, in both forms of the tables."""
    endpoint()
    for _ in range(3):
        dispatch()
    first, second, _ = claim()
    record(first)
    record(second, delivered=False, permanent=True)
    db.execute("truncate public.webhook_deliveries")
    for table in ("webhooks.delivery_queue", "webhooks.failed_deliveries", "public.webhook_attempts"):
        assert db.execute(f"select from {table}".encode()).rowcount == 0
    dispatch()
    assert len(claim()) == 1


def test_a_search_for_missing_rows_believes_one_moment(
    dsn: str, db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """A failed delivery that is recorded as delivered just now is not put back among the failed."""
    endpoint(max_attempts=1)
    dispatch()
    (row,) = claim()
    record(row, delivered=False)
    done: list[Any] = []

    def purge() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            done.append(connection.execute("select public.purge_webhook_history('30 days')").fetchone())

    with db.transaction():
        record(row)
        thread = threading.Thread(target=purge)
        thread.start()
        thread.join(0.5)
    thread.join()
    assert done
    assert db.execute("select status from public.webhook_deliveries").fetchone() == {"status": "delivered"}
    assert db.execute("select from webhooks.failed_deliveries").rowcount == 0
