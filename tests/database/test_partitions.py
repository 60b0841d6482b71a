"""Partitioned history: claims read the queue and the days of their rows, and days come and go."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from devstack.supabase_lite import migrate
from tests.conftest import quiet, with_partitions
from tests.database.conftest import claimed_rows
from tests.database.shorthands import call, partitions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devstack.postgres import Postgres

    Database = psycopg.Connection[dict[str, Any]]

RESULT = {"attempt": 1, "started_at": "now", "duration_ms": 1, "delivered": True, "health": "answered"}


@pytest.fixture(scope="module")
def template(postgres: Postgres, directory: Path) -> str:
    """The same database as that of the other files' partitioned form."""
    migrate(directory, postgres.create("template_partitioned"), with_partitions(directory), say=quiet)
    return "template_partitioned"


def touched(db: Database, sql: str, *parameters: object) -> set[str]:
    """Return the partitions that a statement opens, read from the locks that it leaves."""
    with db.transaction():
        db.execute(sql.encode(), parameters)
        rows = db.execute(
            "select distinct c.relname from pg_locks l join pg_class c on c.oid = l.relation"
            " where l.pid = pg_backend_pid() and c.relispartition and c.relkind = 'r'"
        ).fetchall()
    return {row["relname"] for row in rows}


def test_live_work_opens_no_history(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any
) -> None:
    """A claim plans, locks and reads the days of what it takes; the backlog reads the queue."""
    endpoint()
    for _ in range(10):
        dispatch()
    today = {"webhook_deliveries_past"}
    assert touched(db, "select public.claim_webhook_deliveries(3)") == today
    assert touched(db, "select public.webhook_backlog()") == set()
    # a claim that finds nothing opens none
    claim(100)
    assert touched(db, "select public.claim_webhook_deliveries(100)") == set()


def test_a_record_opens_the_days_of_its_rows(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any
) -> None:
    """Of the deliveries the days in which they were created, and of the attempts today."""
    endpoint()
    dispatch()
    (row,) = claim()
    result = {**RESULT, "delivery_id": str(row["id"]), "lease_id": str(row["lease_id"])}
    found = touched(db, "select public.record_webhook_attempts(%s::jsonb)", json.dumps([result]))
    # and of attempts the days since, for a success that was recorded twice
    assert found == {"webhook_deliveries_past", "webhook_attempts_past", "webhook_attempts_later"}


def test_what_goes_takes_its_attempts(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """A deleted delivery and a deleted endpoint, as the foreign key did; a delivered one does not."""
    first, second = endpoint(), endpoint()
    dispatch()
    dispatch()
    record(*claim())
    assert db.execute("select from public.webhook_attempts").rowcount == 4
    db.execute("set role service_role")
    db.execute(
        "delete from public.webhook_deliveries"
        " where id = (select id from public.webhook_deliveries where webhook_config_id = %s limit 1)",
        (first,),
    )
    db.execute("reset role")
    assert db.execute("select from public.webhook_attempts").rowcount == 3
    db.execute("delete from public.webhook_configurations where id = %s", (second,))
    assert db.execute("select from public.webhook_attempts").rowcount == 1
    db.execute("truncate public.webhook_configurations cascade")
    assert db.execute("select from public.webhook_attempts").rowcount == 0


def test_retention_drops_whole_days(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """A day is dropped once all of it is old, a day with an unfinished delivery is kept; no moment has no partition."""
    endpoint()
    call(db, "prepare_webhook_partitions")
    for _ in range(3):
        dispatch()
    record(*claim(2))
    purge = b"select webhooks.purge_deliveries(now() + interval '9 days', 1000) as n"
    ends = "select max(ends) as ends from webhooks.partitions where parent = 'webhook_deliveries' and begins is null"

    # Given a day of which one delivery is not finished, then the finished ones are deleted row by row
    while db.execute(purge).fetchone()["n"]:  # type: ignore[index]
        pass
    assert partitions(db) == {"past": 1}
    assert db.execute("select from webhooks.delivery_queue").rowcount == 1

    # When it is finished, then the day is dropped, and the first partition is as long as it was, or longer
    before = db.execute(ends).fetchone()
    record(*claim())
    while db.execute(purge).fetchone()["n"]:  # type: ignore[index]
        pass
    assert partitions(db) == partitions(db, "webhook_attempts") == {}
    after = db.execute(ends).fetchone()
    assert before is not None
    assert after is not None
    assert after["ends"] >= before["ends"]

    # And an old delivery still has a place
    dispatch()
    db.execute("update public.webhook_deliveries set created_at = created_at - interval '50 days'")
    assert partitions(db) == {"past": 1}
    record(*claim())
    assert partitions(db) == {"past": 1}


def test_a_day_that_nobody_prepared(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """What is created then is accepted and delivered, and is in its day's partition once partitions are prepared."""
    endpoint()
    dispatch()
    call(db, "prepare_webhook_partitions")
    assert call(db, "prepare_webhook_partitions") == 0, "a week is there"
    # as if the time that the first partition holds, and the week after it, were over
    for table in ("webhook_deliveries", "webhook_attempts"):
        for row in db.execute("select name from webhooks.partitions where parent = %s", (table,)).fetchall():
            db.execute(f"drop table webhooks.{row['name']}".encode())
        db.execute(
            "select webhooks.make_partition(%(table)s, %(table)s || '_past', null, now()::date - 2),"
            " webhooks.make_partition(%(table)s, %(table)s || '_later', now()::date - 2, null)",
            {"table": table},
        )
    db.execute("truncate webhooks.delivery_queue")
    dispatch()
    assert partitions(db) == {"later": 1}
    assert call(db, "prepare_webhook_partitions") > 0
    assert "later" not in partitions(db)
    (claimed,) = claim()
    (recorded,) = record(claimed)
    assert recorded["status"] == "delivered"


def test_who_reads_for_long_is_not_waited_for(
    dsn: str, db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """Dropping gives up after half a second, so that nothing queues behind it; the next call may do it."""
    endpoint()
    dispatch()
    record(*claim())
    with psycopg.connect(dsn) as reader:
        reader.execute("select count(*) from public.webhook_attempts, public.webhook_deliveries")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            db.execute("select webhooks.purge_deliveries(now() + interval '9 days', 10)")


def test_two_record_the_same(
    dsn: str, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """The second waits for the first, and is then told how it went."""
    endpoint()
    dispatch()
    (row,) = claim()
    told: list[dict[str, Any]] = []
    with psycopg.connect(dsn) as first:
        results = json.dumps([{**RESULT, "delivery_id": str(row["id"]), "lease_id": str(row["lease_id"])}])
        first.execute("select public.record_webhook_attempts(%s::jsonb)", (results,))
        thread = threading.Thread(target=lambda: told.extend(record(row)))
        thread.start()
        while db_waits(dsn, "select count(*) as n from pg_locks where not granted") == 0:
            assert thread.is_alive()
        first.commit()
        thread.join()
    assert [(one["status"], one["accepted"]) for one in told] == [("delivered", False)]


def work(dsn: str, done: threading.Event, finished: list[int], errors: list[Exception]) -> None:
    """Dispatch, claim and record until told to stop, or until an error that a worker would not expect."""
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as db:
        while not done.is_set():
            try:
                db.execute("select public.send_test_webhook(id) from public.webhook_configurations")
                claimed = db.execute("select public.claim_webhook_deliveries(10) as claimed").fetchone()
                assert claimed is not None
                rows = claimed_rows(claimed["claimed"])
                results = [{**RESULT, "delivery_id": str(row["id"]), "lease_id": str(row["lease_id"])} for row in rows]
                db.execute("select public.record_webhook_attempts(%s::jsonb)", (json.dumps(results),))
                finished.append(len(rows))
            except psycopg.Error as exc:
                errors.append(exc)
                return


def test_days_go_under_load(dsn: str, db: Database, endpoint: Callable[..., str]) -> None:
    """Workers and callers notice nothing but a moment's wait, however often partitions are dropped and made."""
    endpoint()
    done, errors = threading.Event(), list[Exception]()
    finished: list[int] = []
    threads = [threading.Thread(target=work, args=(dsn, done, finished, errors)) for _ in range(3)]
    for thread in threads:
        thread.start()
    dropped = 0
    while dropped < 10 and not errors:
        # of all that is finished, as if it were old
        try:
            row = db.execute("select webhooks.purge_deliveries(now() + interval '9 days', 10) as n").fetchone()
        except psycopg.errors.LockNotAvailable:
            continue
        dropped += row is not None and row["n"] > 0
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sum(finished) > 0


def db_waits(dsn: str, sql: str) -> int:
    """Return a number from another connection."""
    with psycopg.connect(dsn) as other:
        row = other.execute(sql.encode()).fetchone()
    assert row is not None
    return int(row[0])
