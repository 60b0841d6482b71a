"""Retries that outlast an outage: schedules, what does not count, expiry, ramp-up, and circuits that reopen sooner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import call

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]
    Rows = Callable[..., list[dict[str, Any]]]

STANDARD = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]


def due_now(db: Database) -> None:
    """Let time pass until everything is due."""
    db.execute("update webhooks.delivery_queue set due_at = now() where lease_id is null")
    db.execute("update public.webhook_circuits set open_until = now() where state = 'open'")
    db.execute("update public.webhook_circuits set paused_until = now()")


def waits(db: Database, claim: Rows, record: Rows, **result: Any) -> list[float]:
    """Fail a delivery until it fails for good; return the seconds before each next attempt."""
    found = []
    while True:
        due_now(db)
        (row,) = claim()
        (recorded,) = record(row, delivered=False, health=None, **result)
        if recorded["status"] == "failed":
            return found
        found.append(recorded["due_in_seconds"])


def created(db: Database, **settings: Any) -> str:
    """Create an endpoint as our own tools do."""
    given = {"name": "receiver", "url": "https://example.com/hook", "events": ["*"], **settings}
    return str(call(db, "create_webhook_endpoint", json.dumps(given))["id"])


def test_a_plain_row_keeps_its_three_attempts(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any],
                                              claim: Rows, record: Rows) -> None:  # fmt: skip
    """At once, after 2 s, after 4 s."""
    endpoint()
    dispatch()
    assert waits(db, claim, record) == pytest.approx([2, 4], abs=0.1)


def test_our_tools_create_endpoints_that_retry_for_days(
    db: Database, dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """Ten attempts over three days, each wait within a fifth of the schedule's."""
    created(db)
    dispatch()
    found = waits(db, claim, record)
    assert len(found) == len(STANDARD)
    for wait, planned in zip(found, STANDARD, strict=True):
        assert 0.79 * planned <= wait <= 1.21 * planned
    assert db.execute("select from public.webhook_attempts").rowcount == 10


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"retry_schedule": "quick"}, [2, 4]),
        ({"retry_schedule": []}, []),
        ({"retry_schedule": [7]}, [7]),
        ({"max_attempts": 2}, [2]),
    ],
)
def test_schedules(
    db: Database, dispatch: Callable[..., Any], claim: Rows, record: Rows, given: Any, expected: list[int]
) -> None:
    """The schedule decides the number of attempts; without one max_attempts does."""
    created(db, **given)
    dispatch()
    found = waits(db, claim, record)
    assert len(found) == len(expected)
    assert all(0.79 * planned <= wait <= 1.21 * planned for wait, planned in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"retry_schedule": "slow"}, 'unknown retry schedule "slow"'),
        ({"retry_schedule": [-1]}, "not a list of at most 19 waits"),
        ({"retry_schedule": [1] * 20}, "not a list of at most 19 waits"),
        ({"expires_after": "-1 day"}, "must be above 0"),
    ],
)
def test_wrong_settings(db: Database, settings: Any, message: str) -> None:
    """Named with their bounds."""
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=message):
        created(db, **settings)


@pytest.mark.parametrize(("status", "retry_after"), [(429, 1), (429, None), (503, 1)])
def test_a_request_to_wait_is_no_failure(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows,
    status: int, retry_after: int | None,
) -> None:  # fmt: skip
    """Ten of them, three attempts allowed: logged, not counted, delivered in the end; after a day they count."""
    endpoint()
    dispatch()
    for _ in range(10):
        due_now(db)
        (recorded,) = record(
            *claim(), delivered=False, health=None, response_status=status, retry_after_seconds=retry_after
        )
        assert recorded["status"] == "pending"
    row = db.execute("select attempts, counted_attempts from public.webhook_deliveries").fetchone()
    assert row == {"attempts": 10, "counted_attempts": 0}
    assert db.execute("select from public.webhook_attempts where not counted").rowcount == 10
    db.execute("update public.webhook_deliveries set deferred_since = now() - interval '25 hours'")
    for expected in ("pending", "pending", "failed"):
        due_now(db)
        (recorded,) = record(
            *claim(), delivered=False, health=None, response_status=status, retry_after_seconds=retry_after
        )
        assert recorded["status"] == expected


def test_what_a_worker_lacks_is_no_failure_of_a_delivery(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """Ten times without credentials, three attempts allowed: it waits behind the circuit, and is not failed."""
    endpoint()
    dispatch()
    for number in range(10):
        due_now(db)
        db.execute("update public.webhook_circuits set open_until = now()")
        (recorded,) = record(*claim(), delivered=False, health="failed", setup=True)
        assert recorded["status"] == "pending"
        circuit = db.execute("select state from public.webhook_circuits").fetchone()
        assert circuit == {"state": "closed" if number < 4 else "open"}
    row = db.execute("select attempts, counted_attempts from public.webhook_deliveries").fetchone()
    assert row == {"attempts": 10, "counted_attempts": 0}
    due_now(db)
    db.execute("update public.webhook_circuits set open_until = now()")
    (recorded,) = record(*claim(), delivered=True)
    assert recorded["status"] == "delivered"


@pytest.mark.parametrize("attempts", [1022, 1023, 1024, 100_000])
def test_attempts_that_do_not_count_may_be_many(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows, attempts: int
) -> None:
    """One a minute comes to 1,440 a day: the wait stays a minute, and a result is recorded after any number of them."""
    endpoint()
    dispatch()
    db.execute("update public.webhook_deliveries set attempts = %s", (attempts,))
    (recorded,) = record(*claim(), delivered=False, health=None, response_status=429)
    assert (recorded["status"], recorded["due_in_seconds"]) == ("pending", pytest.approx(60, abs=1))
    due_now(db)
    (recorded,) = record(*claim(), delivered=True)
    assert recorded["status"] == "delivered"


@pytest.mark.parametrize("probes", [1018, 1020, 1022, 1023, 100_000])
@pytest.mark.parametrize("delivered", [True, False])
def test_probes_that_fail_may_be_many(
    db: Database, dispatch: Callable[..., Any], claim: Rows, record: Rows, probes: int, delivered: bool
) -> None:
    """After four days at one in five minutes: the wait stays five minutes, and the first success closes the circuit."""
    created(db)
    for _ in range(5):
        dispatch()
    record(*claim(5), delivered=False)
    due_now(db)
    db.execute("update public.webhook_circuits set failed_probes = %s", (probes,))
    record(*claim(), delivered=delivered)
    row = db.execute(
        "select state, extract(epoch from open_until - since)::float8 as s from public.webhook_circuits"
    ).fetchone()
    assert row == ({"state": "closed", "s": None} if delivered else {"state": "open", "s": pytest.approx(300, abs=1)})


def test_a_503_without_a_time_counts(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """It is an outage."""
    endpoint()
    dispatch()
    assert len(waits(db, claim, record, response_status=503)) == 2


def test_expiry(db: Database, dispatch: Callable[..., Any], claim: Rows) -> None:
    """What is too old fails as expired, at the claim and where no claim comes; what is younger is delivered."""
    flowing, held = created(db, expires_after="1 hour"), created(db, expires_after="1 hour")
    db.execute("update public.webhook_configurations set is_active = false where id = %s", (held,))
    db.execute("update public.webhook_configurations set is_active = true where id = %s", (held,))
    for _ in range(3):
        dispatch()
    db.execute("update public.webhook_configurations set is_active = false where id = %s", (held,))
    db.execute(
        "update public.webhook_deliveries set created_at = created_at - interval '2 hours' where id in ("
        " select distinct on (webhook_config_id) id from public.webhook_deliveries)"
    )
    assert {row["endpoint"]["id"] for row in claim()} == {flowing}
    failed = (
        "select webhook_config_id::text as id, error_message from public.webhook_deliveries where status = 'failed'"
    )
    (one,) = db.execute(failed).fetchall()
    assert one["id"] == flowing
    assert one["error_message"].startswith("expired: it is older than 01:00:00")
    call(db, "purge_webhook_history", "30 days")
    assert {row["id"] for row in db.execute(failed).fetchall()} == {flowing, held}


def test_circuits_of_a_schedule_reopen_sooner(
    db: Database, dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """10 s at first, twice as long after each failed probe, five minutes at most; a success forgets it."""
    created(db)
    for _ in range(20):
        dispatch()
    opened = "select extract(epoch from open_until - since)::float8 as s, state from public.webhook_circuits"
    record(*claim(5), delivered=False)
    found = [db.execute(opened).fetchone()["s"]]  # type: ignore[index]
    for _ in range(6):
        due_now(db)
        record(*claim(), delivered=False)
        found.append(db.execute(opened).fetchone()["s"])  # type: ignore[index]
    assert found == pytest.approx([10, 20, 40, 80, 160, 300, 300], abs=0.5)
    due_now(db)
    record(*claim())
    while (row := db.execute(opened).fetchone()) and row["state"] == "closed":
        due_now(db)
        record(*claim(), delivered=False)
    assert row is not None
    assert row["s"] == pytest.approx(10, abs=0.5)


def test_a_plain_rows_circuit_keeps_its_five_minutes(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """As the user's guide says."""
    endpoint()
    for _ in range(5):
        dispatch()
    record(*claim(), delivered=False)
    row = db.execute(
        "select extract(epoch from open_until - since)::float8 as s from public.webhook_circuits"
    ).fetchone()
    assert row == {"s": pytest.approx(300, abs=0.5)}


def test_it_ramps_up_over_all_workers(db: Database, dispatch: Callable[..., Any], claim: Rows, record: Rows) -> None:
    """One place at first, one more for each success, until fifty: then there is no such limit."""
    created(db)
    for _ in range(200):
        dispatch()
    record(*claim(5), delivered=False)
    due_now(db)
    places = []
    while True:
        rows = claim()
        places.append(len(rows))
        assert claim() == [] or len(rows) > 60, "another worker gets none of them"
        if len(rows) > 60:
            break
        record(*rows)
    assert places[:6] == [1, 2, 4, 8, 16, 32]


def test_a_selection_is_retried(db: Database, dispatch: Callable[..., Any], claim: Rows, record: Rows) -> None:
    """Failed, delivered and waiting ones alike; those of one endpoint that wait."""
    one = created(db)
    for _ in range(4):
        dispatch()
    rows = claim()
    record(rows[0], delivered=False, permanent=True)
    record(rows[1])
    record(rows[2], delivered=False, health=None)
    ids = [row["id"] for row in rows]
    done = call(db, "retry_webhook_deliveries", delivery_ids=ids)
    assert done == {"retried": 3, "more": False}, "the fourth is in progress"
    again = claim()
    assert {row["id"] for row in again} == set(ids[:3])
    record(*again, delivered=False, health=None)
    assert claim() == []
    assert call(db, "retry_webhook_deliveries", webhook_config_id=one)["retried"] == 3
    assert len(claim()) == 3
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="either"):
        call(db, "retry_webhook_deliveries")


@pytest.mark.parametrize(
    ("change", "reason", "until"),
    [
        ("update public.webhook_configurations set is_active = false", "paused", False),
        ("update public.webhook_configurations set is_active = false, disabled_at = now(), disabled_reason = 'gone'",
         "disabled: gone", False),
        ("update public.webhook_circuits set state = 'open', open_until = now() + interval '1 minute'",
         "circuit is open", True),
        ("update public.webhook_circuits set paused_until = now() + interval '1 minute'", "asked to wait", True),
        ("update public.webhook_deliveries set next_attempt_at = now() + interval '2 hours'", "the next attempt", True),
        ("select 1", "a worker", False),
    ],
)  # fmt: skip
def test_waiting_says_why(db: Database, dispatch: Callable[..., Any], change: str, reason: str, until: bool) -> None:
    """On the page, in its timeline too, and in the list."""
    created(db)
    dispatch()
    db.execute(change.encode())
    (listed,) = call(db, "search_webhook_deliveries")["deliveries"]
    shown = call(db, "get_webhook_delivery", listed["id"])
    for found in (listed["waits_for"], shown["waits_for"]):
        assert reason in found["reason"]
        assert (found["until"] is not None) is until
    last = shown["timeline"][-1]
    assert last["kind"] == "due"
    assert last["at"] == (shown["waits_for"]["until"] or shown["next_attempt_at"])
    assert last["text"].startswith("Next attempt")
    assert reason in last["text"] or (reason, last["text"]) == ("the next attempt", "Next attempt is due")


def test_one_locked_circuit_holds_nobody_up(
    dsn: str, db: Database, dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """Recording its results fails with 55P03 within a second, others' results are recorded, and claims continue."""
    locked, free = created(db), created(db)
    dispatch()
    rows = {row["endpoint"]["id"]: row for row in claim()}
    dispatch()
    with psycopg.connect(dsn) as idle:
        idle.execute("select from public.webhook_circuits where webhook_config_id = %s for update", (locked,))
        with pytest.raises(psycopg.errors.LockNotAvailable):
            record(*rows.values())
        assert record(rows[free])[0]["status"] == "delivered"
        db.execute("update public.webhook_circuits set places = 5 where webhook_config_id = %s", (free,))
        assert {row["endpoint"]["id"] for row in claim()} == {locked, free}
    assert record(rows[locked])[0]["status"] == "delivered"
