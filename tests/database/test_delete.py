"""Deleting an endpoint that is in use: it neither deadlocks nor fails anybody's event."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.conftest import result
from tests.database.shorthands import call

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]
    Rows = Callable[..., list[dict[str, Any]]]


def delete(db: Database, endpoint: str, **options: Any) -> int:
    """Delete an endpoint as the API does; return how many of its deliveries that took away or failed."""
    done = 0
    while True:
        response = call(db, "delete_webhook_endpoint", endpoint, **options)
        done += response["deliveries"]
        if not response["more"]:
            return done


def test_it_is_disabled_first(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """Then its deliveries go, with their attempts and the queue's rows, and then the endpoint; another one stays."""
    one, other = endpoint(), endpoint()
    dispatch()
    assert call(db, "delete_webhook_endpoint", one) == {"id": one, "deliveries": 0, "more": True}
    assert db.execute("select from public.webhook_configurations where is_active").rowcount == 1
    assert delete(db, one) == 1
    rows = db.execute("select webhook_config_id::text as id from webhooks.delivery_queue").fetchall()
    assert rows == [{"id": other}]
    assert db.execute("select from public.webhook_circuits").rowcount == 1
    with pytest.raises(psycopg.Error, match="does not exist"):
        delete(db, one)
    (action,) = db.execute(
        "select details from public.webhook_admin_actions where action = 'delete_endpoint'"
    ).fetchall()
    assert action == {"details": {"keep_history": False}}


def test_history_can_be_kept(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """What was not finished has failed, so that retention finds it; a result that is on its way still counts."""
    one = endpoint()
    for _ in range(3):
        dispatch()
    first, second = claim(2)
    record(first)
    assert delete(db, one, keep_history=True) == 2
    record(second)
    rows = db.execute("select status, error_message from public.webhook_deliveries order by status").fetchall()
    assert [row["status"] for row in rows] == ["delivered", "delivered", "failed"]
    assert rows[-1]["error_message"] == "the endpoint was deleted"
    assert call(db, "list_webhook_endpoints") == []


@pytest.mark.parametrize("plain", [False, True], ids=["function", "plain delete"])
def test_it_does_not_deadlock(
    dsn: str, db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, plain: bool
) -> None:
    """A result is recorded in the same moment: a plain delete and it wait for each other; the function does not."""
    one = endpoint()
    for _ in range(2):
        dispatch()
    rows = claim()
    if not plain:
        assert call(db, "delete_webhook_endpoint", one)["more"]
    results = [result(row) for row in rows]
    errors: list[BaseException] = []

    def work(sql: str, *arguments: Any) -> None:
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(sql.encode(), arguments)
        except psycopg.Error as exc:
            errors.append(exc)

    # Given a transaction that holds a delivery for a moment
    holder = psycopg.connect(dsn)
    holder.execute("select from public.webhook_deliveries limit 1 for update")
    # When an admin deletes the endpoint, and waits there, and a worker records
    deletion = "delete from public.webhook_configurations where id = %s" if plain else (
        "select public.delete_webhook_endpoint(%s)")  # fmt: skip
    threads = [
        threading.Thread(target=work, args=(deletion, one)),
        threading.Thread(target=work, args=("select public.record_webhook_attempts(%s::jsonb)", json.dumps(results))),
    ]
    for number, thread in enumerate(threads, start=1):
        thread.start()
        waiting = (
            "select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        for _ in range(400):
            if db.execute(waiting).fetchone() == {"n": number}:
                break
            time.sleep(0.005)
    holder.rollback()
    holder.close()
    for thread in threads:
        thread.join()
    # Then no one is the victim of a deadlock
    if plain:
        # the result's lock timeout is as long as the server waits before it looks for circles: either comes, or both
        assert errors
        assert {type(one) for one in errors} <= {psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable}
    else:
        assert errors == []
        assert db.execute("select from public.webhook_configurations").rowcount == 0


@pytest.mark.parametrize("emitted", ["dispatch", "alert", "change"])
def test_an_event_during_a_deletion_reaches_the_others(
    dsn: str, db: Database, endpoint: Callable[..., str], emitted: str
) -> None:
    """The event waits for the deletion, and is created for the endpoints that are left."""
    gone, left = endpoint(events="{*,webhook.alert}"), endpoint(events="{*,webhook.alert}")
    emit = {
        "dispatch": "select public.dispatch_webhook('user.joined_community',"
        ' \'{"community_id": "c", "community_name": "n", "community_city": "z"}\')',
        "alert": "select webhooks.emit_alerts(array(select id from public.webhook_alerts), 'began')",
        "change": "select webhooks.emit_changes('public.t', 'insert', 'user.joined_community', '{community_id}',"
        ' array[\'{"community_id": "c", "community_name": "n", "community_city": "z"}\'::jsonb], \'{null}\')',
    }[emitted]
    db.execute(
        "insert into public.webhook_alerts (kind, severity, subject, summary) values ('overdue', 'warning', '', 's')"
    )
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(emit.encode())
        except psycopg.Error as exc:
            errors.append(exc)

    with psycopg.connect(dsn) as admin:
        admin.execute("delete from public.webhook_configurations where id = %s", (gone,))
        thread = threading.Thread(target=work)
        thread.start()
        waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        for _ in range(400):
            if db.execute(waiting).rowcount:
                break
            time.sleep(0.005)
    thread.join()
    assert errors == []
    rows = db.execute("select webhook_config_id::text as id from public.webhook_deliveries").fetchall()
    assert rows == [{"id": left}]
