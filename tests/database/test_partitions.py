"""Partitioned history: unfinished rows are one small table, and days come and go."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from devstack.supabase_lite import migrate
from tests.conftest import quiet, with_partitions
from tests.database.shorthands import call, day, partitions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devstack.postgres import Postgres

    Database = psycopg.Connection[dict[str, Any]]

RESULT = {"attempt": 1, "started_at": "now", "duration_ms": 1, "delivered": True, "health": "answered"}


@pytest.fixture(scope="module")
def form() -> str:
    """These are about the partitioned form."""
    return "partitioned"


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


def test_live_work_opens_the_live_partition_only(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any
) -> None:
    """A claim plans, locks and reads no day of history; neither do the backlog, the metrics and alerts."""
    endpoint()
    for _ in range(10):
        dispatch()
    live = {"webhook_deliveries_live"}
    assert touched(db, "select * from public.claim_webhook_deliveries(3)") == live
    (one, *_) = claim(1)
    assert touched(db, "select public.webhook_backlog(), public.webhook_metrics()") == live
    assert touched(db, "select public.webhook_traceparents(array[%s::uuid])", one["id"]) == live
    lease = json.dumps([{"delivery_id": str(one["id"]), "lease_id": str(one["lease_id"])}])
    assert touched(db, "select public.release_webhook_deliveries(%s::jsonb)", lease) == live
    plan = db.execute(
        "explain select id from public.webhook_deliveries where webhook_config_id = gen_random_uuid()"
        " and status = 'pending' and finished_at is null and next_attempt_at <= now() order by next_attempt_at limit 1"
    ).fetchall()
    scans = [row["QUERY PLAN"] for row in plan if "Scan" in row["QUERY PLAN"]]
    assert len(scans) == 1
    assert "webhook_deliveries_live" in scans[0]


def test_a_record_opens_the_days_that_it_writes(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any
) -> None:
    """The live partition and the day's, and of the attempts the day's."""
    endpoint()
    dispatch()
    (row,) = claim()
    result = {**RESULT, "delivery_id": str(row["id"]), "lease_id": str(row["lease_id"])}
    found = touched(db, "select * from public.record_webhook_attempts(%s::jsonb)", json.dumps([result]))
    assert found == {
        "webhook_deliveries_live",
        f"webhook_deliveries_{day(db)}",
        f"webhook_attempts_{day(db)}",
    }


def test_a_move_is_no_new_row(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """Neither a result nor a retry is given the trace of the request that made it, or another request_id."""
    endpoint()
    request_id = dispatch()["request_id"]
    headers = {"traceparent": f"00-{'0123456789abcdef' * 2}-0123456789abcdef-01"}
    db.execute("select set_config('request.headers', %s, false)", (json.dumps(headers),))
    record(*claim())
    call(db, "retry_webhook_delivery", db.execute("select id from public.webhook_deliveries").fetchone()["id"])  # type: ignore[index]
    rows = db.execute("select traceparent, request_id::text from public.webhook_deliveries").fetchall()
    assert rows == [{"traceparent": None, "request_id": request_id}]
    assert partitions(db) == {"live": 1}
    dispatch()
    assert db.execute("select from public.webhook_deliveries where traceparent is not null").rowcount == 1


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
    """A day goes when all of it is old; the first partition then begins where it ended, so that no moment has none."""
    endpoint()
    for _ in range(3):
        dispatch()
    record(*claim())
    db.execute(
        "update public.webhook_deliveries set finished_at = finished_at + interval '1 day'"
        " where id in (select id from public.webhook_deliveries limit 2)"
    )
    sql = "select name from webhooks.partitions where ends <= now() + interval '2 days'"
    names = {row["name"] for row in db.execute(sql).fetchall()}
    purge = b"select webhooks.purge_deliveries(now() + interval '2 days', 1000) as n"
    purged = [db.execute(purge).fetchone()["n"] for _ in range(3)]  # type: ignore[index]
    assert [count > 0 for count in purged] == [True, True, False], "the attempts' days, the deliveries', nothing more"
    assert partitions(db) == partitions(db, "webhook_attempts") == {}
    left = {row["name"] for row in db.execute("select name from webhooks.partitions").fetchall()}
    assert names & left == {"webhook_deliveries_past", "webhook_attempts_past"}
    # a late moment of the past still has a place
    dispatch()
    record(*claim())
    db.execute("update public.webhook_deliveries set finished_at = finished_at - interval '1 day'")
    assert partitions(db) == {"past": 1}


def test_a_day_that_nobody_prepared(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """What finishes then is recorded all the same, and lies in its day once somebody prepares."""
    endpoint()
    dispatch()
    record(*claim())
    assert call(db, "prepare_webhook_partitions") == 0, "a week is there"
    db.execute("update public.webhook_deliveries set finished_at = date_trunc('day', now()) + interval '9 days 1 hour'")
    assert partitions(db) == {"later": 1}
    # as if the week were over: the days that were made ahead are not there
    for table in ("webhook_deliveries", "webhook_attempts"):
        ahead = db.execute("select name from webhooks.partitions where parent = %s and begins > now()", (table,))
        for row in ahead.fetchall():
            db.execute(f"drop table webhooks.{row['name']}".encode())
        db.execute(
            "select webhooks.make_partition(%(table)s, %(table)s || '_later', max(p.ends), null)"
            " from webhooks.partitions as p where p.parent = %(table)s",
            {"table": table},
        )
    dispatch()
    record(*claim())
    db.execute("update public.webhook_deliveries set finished_at = now() + interval '2 days'")
    assert partitions(db) == {"later": 1}
    assert call(db, "prepare_webhook_partitions") == 14
    assert partitions(db) == {day(db, "now() + interval '2 days'"): 1}


def test_who_reads_for_long_is_not_waited_for(dsn: str, db: Database) -> None:
    """Dropping gives up after half a second, so that nobody queues behind it; the next call may do it."""
    with psycopg.connect(dsn) as reader:
        reader.execute("select count(*) from public.webhook_attempts, public.webhook_deliveries")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            db.execute("select webhooks.purge_deliveries(now() + interval '2 days', 10)")


def test_a_finished_row_without_a_moment(db: Database, endpoint: Callable[..., str]) -> None:
    """Inserted so by an app: upkeep gives it one, so that it goes to a day and once to its end."""
    endpoint()
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status)"
        " select id, 'x.y', '{}', 'failed' from public.webhook_configurations"
    )
    assert partitions(db) == {"live": 1}
    call(db, "prepare_webhook_partitions")
    assert "live" not in partitions(db)


def test_two_record_the_same(
    dsn: str, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """The second waits, and is told to try again, as the row has moved meanwhile; then it hears how it went."""
    endpoint()
    dispatch()
    (row,) = claim()
    told: list[Exception] = []

    def second() -> None:
        try:
            record(row)
        except psycopg.Error as exc:
            told.append(exc)

    with psycopg.connect(dsn) as first:
        results = json.dumps([{**RESULT, "delivery_id": str(row["id"]), "lease_id": str(row["lease_id"])}])
        first.execute("select * from public.record_webhook_attempts(%s::jsonb)", (results,))
        thread = threading.Thread(target=second)
        thread.start()
        waits = "select count(*) as n from pg_locks where not granted"
        while db_waits(dsn, waits) == 0:
            assert thread.is_alive()
        first.commit()
        thread.join()
    # SQLSTATE 40001: the store knows it as passing, and the recorder tries again
    assert [type(error) for error in told] == [psycopg.errors.SerializationFailure]
    (again,) = record(row)
    assert (again["status"], again["accepted"]) == ("delivered", False)


def work(dsn: str, done: threading.Event, finished: list[int], errors: list[Exception]) -> None:
    """Dispatch, claim and record until told to stop, or until an error that a worker would not expect."""
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as db:
        while not done.is_set():
            try:
                db.execute("select public.send_test_webhook(id) from public.webhook_configurations")
                rows = db.execute("select * from public.claim_webhook_deliveries(10)").fetchall()
                results = [{**RESULT, "delivery_id": str(row["id"]), "lease_id": str(row["lease_id"])} for row in rows]
                db.execute("select * from public.record_webhook_attempts(%s::jsonb)", (json.dumps(results),))
                finished.append(len(rows))
            except psycopg.errors.SerializationFailure:
                continue
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
        row = db.execute("select webhooks.purge_deliveries(now() + interval '6 days', 10) as n").fetchone()
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
