"""Recording: states, backoff, the attempt log, and results that come late or twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]
    Rows = Callable[..., list[dict[str, Any]]]


def stored(db: Database) -> dict[str, Any]:
    """Return the one delivery."""
    row = db.execute("select *, next_attempt_at - now() as due_in from public.webhook_deliveries").fetchone()
    assert row is not None
    return row


def make_due(db: Database) -> None:
    """Let the backoff pass."""
    db.execute("update public.webhook_deliveries set next_attempt_at = now() where status = 'pending'")


@pytest.fixture(autouse=True)
def one_delivery(endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    endpoint()
    dispatch()


def test_delivered(db: Database, claim: Rows, record: Rows) -> None:
    """The row and the log contain the response."""
    (response,) = record(*claim(), response_status=200, response_excerpt="thanks")
    assert (response["status"], response["accepted"]) == ("delivered", True)
    row = stored(db)
    assert (row["status"], row["attempts"], row["response_status"], row["response_body"]) == (
        "delivered",
        1,
        200,
        "thanks",
    )
    assert db.execute("select from webhooks.delivery_queue").rowcount == 0
    assert row["finished_at"] is not None
    (attempt,) = db.execute("select * from public.webhook_attempts").fetchall()
    assert (attempt["number"], attempt["duration_ms"], attempt["delivered"]) == (1, 7, True)


@pytest.mark.parametrize(
    ("sent", "stored_headers"),
    [
        ({"via": "a \u00e9"}, {"via": "a \u00e9"}),
        ({"x": "y" * 4000}, {"x": "y" * 4000}),
        ({"x": "y" * 4100}, None),
        ({"x": "\u00e9" * 2050}, None),
        (["x"], None),
        ("x", None),
        (None, None),
    ],
)
def test_response_headers_are_bounded(db: Database, claim: Rows, record: Rows, sent: Any, stored_headers: Any) -> None:
    """Whatever a worker sends, the delivery is recorded, and the log keeps an object of at most 4 KB."""
    (response,) = record(*claim(), response_headers=sent)
    assert response["status"] == "delivered"
    (attempt,) = db.execute("select response_headers, response_headers is null as none from public.webhook_attempts")
    assert (attempt["response_headers"], attempt["none"]) == (stored_headers, stored_headers is None)


def test_two_and_four_seconds_then_failed(db: Database, claim: Rows, record: Rows) -> None:
    """Attempt 2 comes 2 s after the first, attempt 3 4 s after the second; then the row has failed."""
    delays = []
    for _ in range(2):
        (response,) = record(*claim(), delivered=False, error="HTTP 500")
        assert response["status"] == "pending"
        delays.append(round(response["due_in_seconds"]))
        assert claim() == [], "it is not due yet"
        make_due(db)
    (response,) = record(*claim(), delivered=False, error="HTTP 500")
    assert delays == [2, 4]
    assert response["status"] == "failed"
    row = stored(db)
    assert (row["attempts"], row["error_message"]) == (3, "HTTP 500")
    assert len(db.execute("select from public.webhook_attempts").fetchall()) == 3


def test_more_attempts_wait_a_minute_at_most(db: Database, claim: Rows, record: Rows) -> None:
    """With eight attempts the waits double up to 60 s."""
    db.execute("update public.webhook_configurations set max_attempts = 8, circuit_failure_threshold = 100")
    delays = []
    for _ in range(7):
        delays.append(round(record(*claim(), delivered=False)[0]["due_in_seconds"]))
        make_due(db)
    assert delays == [2, 4, 8, 16, 32, 60, 60]


def test_retry_after(claim: Rows, record: Rows) -> None:
    """A longer wait that the receiver asks for is kept."""
    (response,) = record(*claim(), delivered=False, retry_after_seconds=120, response_status=429)
    assert round(response["due_in_seconds"]) == 120


def test_attempts_that_do_not_count_take_no_place_of_the_schedule(db: Database, claim: Rows, record: Rows) -> None:
    """They wait longer each time; the first that counts waits as the first."""
    db.execute(
        "update public.webhook_configurations set retry_schedule = '{5,300,36000}', circuit_failure_threshold = 100"
    )
    waits = []
    for result in (
        {"setup": True, "health": None},
        {"health": None, "response_status": 429},
        {"setup": True, "health": None},
        {},
        {},
    ):
        waits.append(record(*claim(), **{"delivered": False, **result})[0]["due_in_seconds"])
        make_due(db)
        db.execute("update public.webhook_circuits set places = null")
    assert [0.8 <= wait / planned <= 1.2 for wait, planned in zip(waits, (5, 300, 36000, 5, 300), strict=True)] == [
        True
    ] * 5


def test_permanent(db: Database, claim: Rows, record: Rows) -> None:
    """No further attempt is made; 410 disables the endpoint, with a reason, until someone enables it."""
    (response,) = record(*claim(), delivered=False, permanent=True, disable_reason="410 Gone")
    assert response["status"] == "failed"
    endpoint = db.execute("select * from public.webhook_configurations").fetchone()
    assert endpoint is not None
    assert (endpoint["is_active"], endpoint["disabled_reason"]) == (False, "410 Gone")
    db.execute("update public.webhook_configurations set is_active = true")
    endpoint = db.execute("select * from public.webhook_configurations").fetchone()
    assert endpoint is not None
    assert endpoint["disabled_reason"] is None


@pytest.mark.parametrize("delivered", [True, False])
def test_the_same_result_twice(db: Database, claim: Rows, record: Rows, delivered: bool) -> None:
    """A result whose response got lost is sent again, and changes nothing."""
    claimed = claim()
    record(*claimed, delivered=delivered)
    before = stored(db)
    (response,) = record(*claimed, delivered=delivered)
    after = stored(db)
    assert response["accepted"] is False
    assert (before["status"], before["attempts"], before["next_attempt_at"]) == (
        after["status"], after["attempts"], after["next_attempt_at"],
    )  # fmt: skip
    assert len(db.execute("select from public.webhook_attempts").fetchall()) == 1


def test_a_late_failure_is_ignored_while_another_worker_tries(db: Database, claim: Rows, record: Rows) -> None:
    """The lease's holder decides."""
    late = claim()
    db.execute("update webhooks.delivery_queue set due_at = now()")
    current = claim()
    assert record(*late, delivered=False)[0]["accepted"] is False
    assert stored(db)["status"] == "processing"
    assert record(*current)[0]["status"] == "delivered"


def test_a_late_success_counts(db: Database, claim: Rows, record: Rows) -> None:
    """The receiver has it: nothing may send it again, whatever the lease's new holder says."""
    late = claim()
    db.execute("update webhooks.delivery_queue set due_at = now()")
    current = claim()
    assert record(*late)[0]["status"] == "delivered"
    assert record(*current, delivered=False)[0]["status"] == "delivered"
    assert stored(db)["status"] == "delivered"


def test_a_batch_in_one_call(db: Database, dispatch: Callable[..., Any], claim: Rows, record: Rows) -> None:
    """A hundred results, one call."""
    for _ in range(99):
        dispatch()
    assert {row["status"] for row in record(*claim())} == {"delivered"}
    assert db.execute("select from public.webhook_deliveries where status = 'delivered'").rowcount == 100


def test_release(db: Database, claim: Rows) -> None:
    """A lease that is given back is due at once, and cannot be given back by a former holder."""
    (row,) = claim()
    sql = (
        "select public.release_webhook_deliveries(jsonb_build_array("
        "jsonb_build_object('delivery_id', %s::uuid, 'lease_id', %s::uuid))) as n"
    )
    assert db.execute(sql, (row["id"], row["endpoint"]["id"])).fetchone() == {"n": 0}
    assert db.execute(sql, (row["id"], row["lease_id"])).fetchone() == {"n": 1}
    assert [again["attempt"] for again in claim()] == [1]


def test_reports(db: Database, claim: Rows, record: Rows) -> None:
    """Backlog, heartbeat and health count what is there."""
    run = db.execute("select public.start_webhook_dispatcher_run('test') as run").fetchone()
    assert run is not None
    assert run["run"]["due"] == 1
    db.execute("select public.finish_webhook_dispatcher_run(%s, 1)", (run["run"]["run_id"],))
    record(*claim())
    health = db.execute("select public.webhook_health() as health").fetchone()
    assert health is not None
    assert health["health"]["last_hour"] == {"total": 1, "delivered": 1, "failed": 0, "pending": 0}
    assert health["health"]["due"] == 0
    assert health["health"]["last_run"]["enqueued"] == 1


def test_a_late_result_waits_for_nobody(dsn: str, db: Database, claim: Rows, record: Rows) -> None:
    """Its row is locked after the batch's others: two that waited there might wait for each other.."""
    db.execute("update public.webhook_configurations set max_attempts = 1")
    (row,) = claim()
    record(row, delivered=False)
    with psycopg.connect(dsn) as other:
        other.execute("select from public.webhook_deliveries for update")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            record(row)
    assert [one["status"] for one in record(row)] == ["delivered"]


def test_a_late_success_is_in_the_log(db: Database, claim: Rows, record: Rows) -> None:
    """Even if another attempt took its number meanwhile: attempts counted equal the log."""
    late = claim()
    db.execute("update webhooks.delivery_queue set due_at = now()")
    record(*claim(), delivered=False)
    record(*late)
    rows = db.execute("select number, delivered from public.webhook_attempts order by number").fetchall()
    assert [(row["number"], row["delivered"]) for row in rows] == [(1, False), (2, True)]
    assert stored(db)["attempts"] == 2


@pytest.mark.parametrize("seconds", [0, -60])
def test_an_old_success_does_not_end_a_retry(db: Database, claim: Rows, record: Rows, seconds: int) -> None:
    """Neither one that is recorded twice nor an older one whose lease was lost: the admin's retry is sent."""
    late = claim()
    db.execute("update webhooks.delivery_queue set due_at = now()")
    current = claim()
    record(*current, started_at="2026-01-02T03:04:05Z")
    db.execute("select public.retry_webhook_delivery(id) from public.webhook_deliveries")
    again = late if seconds else current
    (response,) = record(*again, started_at=f"2026-01-02T03:0{4 + seconds // 60}:05Z")
    assert (response["status"], response["accepted"]) == ("pending", False)
    (row,) = claim()
    assert row["attempt"] == 2


def test_a_request_to_wait_does_not_end_a_retry(db: Database, claim: Rows, record: Rows) -> None:
    """It does not count, not even when all attempts are used up."""
    db.execute("update public.webhook_configurations set max_attempts = 1")
    record(*claim(), delivered=False)
    db.execute("select public.retry_webhook_delivery(id) from public.webhook_deliveries")
    assert record(*claim(), delivered=False, health=None, response_status=429)[0]["status"] == "pending"
    make_due(db)
    assert record(*claim(), delivered=False)[0]["status"] == "failed"


def test_a_late_result_of_what_is_retried_just_now_comes_again(
    db: Database, dsn: str, dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """The queue is locked before deliveries: a claim that holds the retried one's place would wait in a circle."""
    (late,) = claim()
    record(late, delivered=False, permanent=True)
    dispatch()
    (held,) = claim()
    with psycopg.connect(dsn) as other, psycopg.connect(dsn, autocommit=True) as admin, ThreadPoolExecutor(1) as pool:
        other.execute("select from webhooks.delivery_queue for update")
        recording = pool.submit(record, late, held)
        waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        while not admin.execute(waiting).rowcount and not recording.done():
            time.sleep(0.01)
        admin.execute("select public.retry_webhook_delivery(%s)", (late["id"],))
        other.commit()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            recording.result(60)
    # again: the queue's row is there to be locked
    statuses = {one["delivery_id"]: one["status"] for one in record(late, held)}
    assert statuses == {late["id"]: "delivered", held["id"]: "delivered"}
    assert db.execute("select from webhooks.delivery_queue").rowcount == 0
