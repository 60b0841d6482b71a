"""A row is unfinished as long as finished_at is null, whoever writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
