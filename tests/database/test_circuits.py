"""Circuits, pauses, rates and places: what a claim hands out, and what results change."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.conftest import claimed_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]
    Rows = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def one(endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> str:
    """An endpoint with 50 deliveries, each with twenty attempts; return its id."""
    config = endpoint(max_attempts=20)
    for _ in range(50):
        dispatch()
    return config


def circuit(db: Database) -> dict[str, Any]:
    """Return the only circuit."""
    (row,) = db.execute("select * from public.webhook_circuits").fetchall()
    return row


def due_again(db: Database) -> None:
    """Let waits between attempts pass."""
    db.execute("update public.webhook_deliveries set next_attempt_at = now() where status = 'pending'")


def reset_passes(db: Database) -> None:
    """Let an open circuit's wait pass."""
    db.execute("update public.webhook_circuits set open_until = now() where state = 'open'")


def statuses(db: Database) -> dict[str, int]:
    """Return how many deliveries have each status."""
    rows = db.execute("select status, count(*) as n from public.webhook_deliveries group by status").fetchall()
    return {row["status"]: row["n"] for row in rows}


@pytest.mark.usefixtures("one")
def test_five_consecutive_failures_open_it_for_five_minutes(db: Database, claim: Rows, record: Rows) -> None:
    """And nothing is claimed while it is open; the rows stay as they are."""
    for expected in ("closed", "closed", "closed", "closed", "open"):
        record(*claim(1), delivered=False)
        assert circuit(db)["state"] == expected
    row = circuit(db)
    assert row["consecutive_failures"] == 5
    assert 299 < (row["open_until"] - row["since"]).total_seconds() < 301
    due_again(db)
    assert claim() == []
    assert statuses(db) == {"pending": 50}
    assert db.execute("select public.webhook_backlog() ->> 'due' as n").fetchone() == {"n": "0"}
    assert db.execute("select sum(attempts) as n from public.webhook_deliveries").fetchone() == {"n": 5}


@pytest.mark.usefixtures("one")
def test_an_answer_between_failures_counts_from_the_start(db: Database, claim: Rows, record: Rows) -> None:
    """A rejection (4xx) is a response too; an attempt that says nothing changes nothing."""
    for health in ("failed", "failed", "failed", "failed", "answered", "failed", "failed", None, "failed", "failed"):
        record(*claim(1), delivered=False, health=health)
    row = circuit(db)
    assert (row["state"], row["consecutive_failures"]) == ("closed", 4)


@pytest.mark.usefixtures("one")
def test_half_open_lets_one_request_out_over_all_workers(dsn: str, db: Database, claim: Rows, record: Rows) -> None:
    """Of eight workers that claim at once, one gets one row; success closes it, and the rest flows."""
    record(*claim(5), delivered=False)
    reset_passes(db)
    barrier = threading.Barrier(8)
    claimed: list[dict[str, Any]] = []

    def work() -> None:
        with psycopg.connect(dsn, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
            barrier.wait()
            row = connection.execute("select public.claim_webhook_deliveries(100) as claimed").fetchone()
            claimed.extend(claimed_rows(row["claimed"]))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (probe,) = claimed
    assert probe["endpoint"]["circuit"] == "half_open"
    assert circuit(db)["state"] == "half_open"
    assert claim() == [], "while the probe is in progress"
    record(probe)
    assert circuit(db)["state"] == "closed"
    assert circuit(db)["consecutive_failures"] == 0
    two = claim()
    assert len(two) == 2, "it ramps up: one place, and one more for the success"
    record(*two)
    assert len(claim()) == 4, "and one more for each success"


@pytest.mark.usefixtures("one")
def test_a_failing_probe_opens_it_again(db: Database, claim: Rows, record: Rows) -> None:
    """For the whole wait."""
    record(*claim(5), delivered=False)
    reset_passes(db)
    before = circuit(db)["since"]
    record(*claim(), delivered=False)
    row = circuit(db)
    assert row["state"] == "open"
    assert row["since"] > before
    assert 299 < (row["open_until"] - row["since"]).total_seconds() < 301
    assert claim() == []


@pytest.mark.usefixtures("one")
def test_a_probe_whose_worker_died_is_tried_by_another(db: Database, claim: Rows, record: Rows) -> None:
    """Once its lease has run out."""
    record(*claim(5), delivered=False)
    reset_passes(db)
    assert len(claim()) == 1
    assert claim() == []
    db.execute("update webhooks.delivery_queue set due_at = now() where lease_id is not null")
    assert len(claim()) == 1


@pytest.mark.usefixtures("one")
def test_late_results_do_not_move_it(db: Database, claim: Rows, record: Rows) -> None:
    """What was claimed before it opened says nothing of what came after, neither good nor bad."""
    late = claim(10)
    record(*late[:5], delivered=False)
    assert circuit(db)["state"] == "open"
    record(late[5])
    assert circuit(db)["state"] == "open"
    reset_passes(db)
    (probe,) = claim()
    record(*late[6:], delivered=False)
    assert circuit(db)["state"] == "half_open"
    record(probe)
    assert circuit(db)["state"] == "closed"


def test_a_late_success_is_no_probe(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """Its delivery is the probe now, by another worker's claim: it is delivered, and the circuit stays as it is."""
    endpoint(circuit_failure_threshold=1)
    dispatch()
    late = claim()
    db.execute("update webhooks.delivery_queue set due_at = now()")
    record(*claim(), delivered=False)
    due_again(db)
    reset_passes(db)
    (probe,) = claim()
    assert probe["endpoint"]["circuit"] == "half_open"
    assert record(*late)[0]["status"] == "delivered"
    assert circuit(db)["state"] == "half_open"


def test_an_old_410_does_not_disable_again(db: Database, one: str, claim: Rows, record: Rows) -> None:
    """Of an attempt from before the endpoint was enabled; the next 410 does."""
    (old,) = claim(1)
    db.execute("update public.webhook_configurations set is_active = false where id = %s", (one,))
    db.execute("update public.webhook_configurations set is_active = true where id = %s", (one,))
    active = "select is_active from public.webhook_configurations"
    assert record(old, delivered=False, permanent=True, disable_reason="410 Gone")[0]["status"] == "failed"
    assert db.execute(active).fetchone() == {"is_active": True}
    record(*claim(1), delivered=False, permanent=True, disable_reason="410 Gone")
    assert db.execute(active).fetchone() == {"is_active": False}


@pytest.mark.usefixtures("one")
def test_a_failure_rate_opens_it(db: Database, claim: Rows, record: Rows) -> None:
    """Half of at least twenty in a minute, even if no five come in a row."""
    rows = claim(20)
    for number, row in enumerate(rows[:19]):
        record(row, delivered=number % 2 == 1)
    assert circuit(db)["state"] == "closed"
    assert (circuit(db)["window_attempts"], circuit(db)["window_failures"]) == (19, 10)
    record(rows[19])
    assert circuit(db)["state"] == "open"


@pytest.mark.usefixtures("one")
def test_the_rate_is_of_the_last_minute(db: Database, claim: Rows, record: Rows) -> None:
    """What is older is forgotten."""
    rows = claim(20)
    for number, row in enumerate(rows[:19]):
        record(row, delivered=number % 2 == 1)
    db.execute("update public.webhook_circuits set window_started_at = now() - interval '61 seconds'")
    record(rows[19])
    row = circuit(db)
    assert (row["state"], row["window_attempts"], row["window_failures"]) == ("closed", 1, 0)


@pytest.mark.usefixtures("one")
def test_its_figures_are_settings_of_the_worker_or_the_endpoint(db: Database, claim: Rows, record: Rows) -> None:
    """The endpoint's own go first."""
    record(*claim(1), delivered=False, policy={"failure_threshold": 1, "reset_seconds": 7})
    row = circuit(db)
    assert row["state"] == "open"
    assert round((row["open_until"] - row["since"]).total_seconds()) == 7
    db.execute("update public.webhook_configurations set circuit_failure_threshold = 2, circuit_reset_seconds = 9")
    db.execute("update public.webhook_circuits set state = 'closed', consecutive_failures = 0, open_until = null")
    record(*claim(1), delivered=False, policy={"failure_threshold": 1, "reset_seconds": 7})
    assert circuit(db)["state"] == "closed"
    record(*claim(1), delivered=False, policy={"failure_threshold": 1, "reset_seconds": 7})
    row = circuit(db)
    assert round((row["open_until"] - row["since"]).total_seconds()) == 9


@pytest.mark.usefixtures("one")
def test_retry_after_pauses_the_endpoint(db: Database, claim: Rows, record: Rows) -> None:
    """Its other deliveries wait as well; then they flow."""
    record(*claim(1), delivered=False, health=None, retry_after_seconds=30)
    assert claim() == []
    assert circuit(db)["state"] == "closed"
    assert statuses(db) == {"pending": 50}
    db.execute("update public.webhook_circuits set paused_until = now()")
    (one,) = claim()
    record(one)
    assert len(claim()) == 2, "it ramps up: one delivery at first, one more for each success"


def test_an_endpoint_that_fails_for_five_days_is_disabled_with_its_reason(
    db: Database, one: str, claim: Rows, record: Rows
) -> None:
    """Its rows are held, and flow when it is enabled again, with a closed circuit."""
    record(*claim(5), delivered=False)
    db.execute("update public.webhook_circuits set failing_since = now() - interval '5 days 1 hour'")
    reset_passes(db)
    record(*claim(), delivered=False)
    row = db.execute("select * from public.webhook_configurations").fetchone()
    assert row is not None
    assert not row["is_active"]
    assert row["disabled_reason"].startswith("no delivery has succeeded since 20")
    due_again(db)
    assert claim() == []
    assert statuses(db) == {"pending": 50}
    db.execute("update public.webhook_configurations set is_active = true where id = %s", (one,))
    assert circuit(db)["state"] == "closed"
    row = db.execute("select disabled_reason, disabled_at from public.webhook_configurations").fetchone()
    assert row == {"disabled_reason": None, "disabled_at": None}
    assert len(claim()) == 50


@pytest.mark.usefixtures("one")
def test_one_delivery_ends_the_count_of_days(db: Database, claim: Rows, record: Rows) -> None:
    """And rejections (4xx) do not: an endpoint that returns 401 for five days is of no use to anyone."""
    record(*claim(1), delivered=False, health="answered")
    assert circuit(db)["failing_since"] is not None
    record(*claim(1))
    assert circuit(db)["failing_since"] is None


def test_410_disables_at_once(db: Database, one: str, claim: Rows, record: Rows) -> None:
    """With its response as the reason."""
    record(*claim(1), delivered=False, permanent=True, disable_reason="the endpoint returned 410 Gone")
    row = db.execute("select * from public.webhook_configurations where id = %s", (one,)).fetchone()
    assert row is not None
    assert (row["is_active"], row["disabled_reason"]) == (False, "the endpoint returned 410 Gone")
    assert statuses(db) == {"failed": 1, "pending": 49}


@pytest.mark.usefixtures("one")
def test_places_hold_over_all_workers(db: Database, claim: Rows, record: Rows) -> None:
    """The limit of deliveries in flight holds across workers."""
    db.execute("update public.webhook_configurations set max_concurrency = 3")
    first = claim(2)
    assert (len(first), len(claim()), len(claim())) == (2, 1, 0)
    record(*first)
    assert len(claim()) == 2


@pytest.mark.usefixtures("one")
def test_a_rate_holds_over_all_workers(db: Database, claim: Rows) -> None:
    """A second's worth at once, then as time passes."""
    db.execute("update public.webhook_configurations set rate_limit_per_second = 10")
    assert (len(claim(7)), len(claim()), len(claim())) == (7, 3, 0)
    db.execute("update public.webhook_circuits set tokens_at = tokens_at - interval '0.5 seconds'")
    assert len(claim()) in {5, 6}, "five, and one more if the machine was slow"
    db.execute("update public.webhook_circuits set tokens_at = tokens_at - interval '1 hour'")
    assert len(claim()) == 10, "time saves up no more than a second's worth"


def test_an_open_circuit_costs_the_others_nothing(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """The others' rows are claimed in full, whatever waits behind it."""
    ill = endpoint(url="https://ill.example/")
    dispatch()
    record(*claim(), delivered=False, policy={"failure_threshold": 1})
    endpoint(url="https://well.example/")
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
        " select c.id, 'user.joined_community', '{}' from public.webhook_configurations as c, generate_series(1, 3000)"
    )
    rows = claim(1000)
    assert len(rows) == 1000
    assert {row["endpoint"]["url"] for row in rows} == {"https://well.example/"}
    plan = db.execute(
        "select count(*) as n from public.webhook_deliveries where webhook_config_id = %s and status = 'pending'",
        (ill,),
    ).fetchone()
    assert plan == {"n": 3001}


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ('{"Authorization": "Bearer x"}', None),
        ('["x"]', "must be an object"),
        ('{"bad name": "x"}', "a header name is invalid"),
        ('{"Webhook-Id": "x"}', "is set by the system"),
        ('{"Host": "x"}', "is set by the system"),
        ('{"X": 1}', "must be text"),
        ('{"X": "a\\r\\nb"}', "must be printable ASCII"),
        ('{"X": ""}', "must be printable ASCII"),
        ('{"X": "geheim\\u0000"}', "cannot be converted|unsupported Unicode|must be printable"),
    ],
)
def test_extra_headers(db: Database, endpoint: Callable[..., str], headers: str, problem: str | None) -> None:
    """Rejected when they are saved, without repeating a value."""
    if problem is None:
        endpoint(headers=headers)
        return
    with pytest.raises(psycopg.Error, match=problem) as caught:
        endpoint(headers=headers)
    assert "geheim" not in str(caught.value.diag.message_primary)
    assert db.execute("select from public.webhook_configurations").rowcount == 0
