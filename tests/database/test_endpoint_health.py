"""An endpoint's health: one word for pages, API and command line, with the figures of its last 24 hours."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import as_admin, call

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]
    Rows = Callable[..., list[dict[str, Any]]]

#: What a worker reports of a response that is not a success, but a response.
REJECTED = {"health": "answered", "response_status": 401, "error": "the receiver returned 401"}


def health(db: Database, config: str | None = None) -> dict[str, Any]:
    """Return the health of an endpoint, or of the only one."""
    (one,) = call(db, "list_webhook_endpoints", webhook_config_id=config)
    return dict(one["health"])


def now(minutes: float = 0) -> str:
    """Return the time that was some minutes ago, as a worker reports it."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def test_an_endpoint_that_rejects_everything_is_failing(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """Though its circuit stays closed, since it responds; the first success makes it healthy."""
    config = endpoint(max_attempts=20)
    assert health(db) == {
        "status": "healthy", "since": None, "reason": None,
        "attempts": 0, "failed_attempts": 0, "success_percent": None,
        "p50_ms": None, "p95_ms": None, "delivered_by_hour": [0] * 24, "failed_by_hour": [0] * 24,
    }  # fmt: skip
    for _ in range(10):
        dispatch()
    record(*claim(), delivered=False, started_at=now(), **REJECTED)
    (row,) = db.execute("select state, failing_since from public.webhook_circuits").fetchall()
    assert row["state"] == "closed"
    shown = health(db, config)
    assert (shown["status"], shown["reason"]) == ("failing", "the receiver returned 401")
    assert datetime.fromisoformat(shown["since"]) == row["failing_since"]
    assert (shown["attempts"], shown["failed_attempts"], shown["success_percent"]) == (10, 10, 0)
    dispatch()
    record(*claim(), started_at=now())
    shown = health(db, config)
    assert (shown["status"], shown["since"], shown["reason"]) == ("healthy", None, None)
    assert (shown["attempts"], shown["success_percent"]) == (11, 9.0)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("update public.webhook_circuits set state = 'open', open_until = now()", "failing"),
        ("update public.webhook_circuits set state = 'half_open'", "failing"),
        ("update public.webhook_configurations set is_active = false", "paused"),
        (
            "update public.webhook_configurations set is_active = false, disabled_at = now(), disabled_reason = 'gone'",
            "disabled",
        ),
        ("delete from public.webhook_circuits", "healthy"),
        (
            "update public.webhook_configurations set is_active = false;"  # noqa: ISC004 - two statements
            "update public.webhook_circuits set state = 'half_open'",
            "paused",
        ),
    ],
)
def test_its_word(db: Database, endpoint: Callable[..., str], change: str, status: str) -> None:
    """What a person or the system decided comes before what the circuit says; enabling it starts over."""
    config = endpoint()
    for statement in change.split(";"):
        db.execute(statement.encode())
    shown = health(db)
    assert shown["status"] == status
    assert shown["reason"] == ("gone" if status == "disabled" else None)
    as_admin(db)
    assert health(db)["status"] == status
    if status in {"paused", "disabled"}:
        call(db, "update_webhook_endpoint", config, json.dumps({"is_active": True}))
        assert health(db)["status"] == "healthy"


def test_its_figures_are_those_of_its_attempts(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """By hours of the clock, of this endpoint alone, and the same as the log of attempts says."""
    config = endpoint(max_attempts=1)
    other = endpoint("{user.joined_platform}")
    for hours, delivered, durations in [
        (0, True, [0, 1, 2, 3, 100]),
        (0, False, [200_000, 15_000]),
        (3, True, [127, 128]),
        (23, False, [64]),
        (25, True, [9]),
    ]:
        for _ in durations:
            dispatch()
        # within the hour, so that it ends in it too
        began = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
        for row, milliseconds in zip(claim(), durations, strict=True):
            record(row, delivered=delivered, started_at=began.isoformat(), duration_ms=milliseconds,
                   **({} if delivered else REJECTED))  # fmt: skip
    shown = health(db, config)
    delivered, failed = [0] * 24, [0] * 24
    delivered[23], delivered[20], failed[23], failed[0] = 5, 2, 2, 1
    assert (shown["delivered_by_hour"], shown["failed_by_hour"]) == (delivered, failed)
    assert (shown["attempts"], shown["failed_attempts"], shown["success_percent"]) == (10, 3, 70)
    # within the bounds of its entry: 64 to 128 ms, and beyond two minutes
    assert 64 <= shown["p50_ms"] <= 128
    assert 131_072 <= shown["p95_ms"] <= 262_144
    assert health(db, other)["attempts"] == 0
    row = db.execute(
        "select sum(attempts) as attempts, sum(failed_attempts) as failed_attempts,"
        " sum((select sum(n) from unnest(durations) n)) as counted from webhooks.delivery_rollups"
    ).fetchone()
    log = db.execute(
        "select count(*) as attempts, count(*) filter (where not delivered) as failed_attempts, count(*) as counted"
        " from public.webhook_attempts"
    ).fetchone()
    assert row == log


def test_a_result_counts_once(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """A result that comes twice is in the figures once, as in the log."""
    endpoint()
    dispatch()
    rows = claim()
    for _ in range(3):
        record(*rows, started_at=now())
    assert health(db)["attempts"] == 1


def test_all_is_not_nearly_all(db: Database, endpoint: Callable[..., str]) -> None:
    """One failure in 100,000 is not 100 %."""
    config = endpoint()
    db.execute(
        "insert into webhooks.delivery_rollups (hour, webhook_config_id, event_type, attempts, failed_attempts)"
        " values (date_trunc('hour', now(), 'UTC'), %s, 'x.y', 100000, 1)",
        (config,),
    )
    assert health(db)["success_percent"] == 99.9


@pytest.mark.parametrize("count", [1, 3, 1000])
@pytest.mark.parametrize("milliseconds", [0, 1, 2, 63, 64, 4096])
def test_percentiles_lie_in_their_entry(db: Database, count: int, milliseconds: int) -> None:
    """Of attempts that all took the same, each percentile is within a factor of two of it."""
    entry = max(1, milliseconds.bit_length())
    durations = [0] * (entry - 1) + [count, 0]
    for share in (0.01, 0.5, 0.95, 1):
        row = db.execute("select webhooks.duration_percentile(%s::bigint[], %s) as ms", (durations, share)).fetchone()
        assert row is not None
        assert 2 ** (entry - 1) <= row["ms"] <= 2**entry
    row = db.execute("select webhooks.duration_percentile(array[0, 0]::bigint[], 0.5) as ms").fetchone()
    assert row == {"ms": None}


def test_figures_end_with_their_history(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """Retention deletes old hours; an endpoint deleted with its history leaves none."""
    config = endpoint()
    for days in (40, 0):
        dispatch()
        record(*claim(), started_at=now(days * 24 * 60))
    count = "select count(*) as n from webhooks.delivery_rollups"
    assert db.execute(count.encode()).fetchone() == {"n": 2}
    db.execute("select public.purge_webhook_history(interval '30 days')")
    assert db.execute(count.encode()).fetchone() == {"n": 1}
    while call(db, "delete_webhook_endpoint", config, keep_history=False)["more"]:
        pass
    assert db.execute(count.encode()).fetchone() == {"n": 0}


def test_nothing_is_overwritten_silently(db: Database, endpoint: Callable[..., str]) -> None:
    """A change that names the version it is based on is rejected once there is a newer one; without it, it counts."""
    config = endpoint()
    as_admin(db)
    (read,) = call(db, "list_webhook_endpoints", webhook_config_id=config)
    version = {"updated_at": read["updated_at"]}
    call(db, "update_webhook_endpoint", config, json.dumps({"name": "first", **version}))
    with pytest.raises(psycopg.Error, match='webhook endpoint "first" has changed since you read it') as error:
        call(db, "update_webhook_endpoint", config, json.dumps({"name": "second", **version}))
    assert error.value.sqlstate == "PT409"
    (read,) = call(db, "list_webhook_endpoints", webhook_config_id=config)
    assert read["name"] == "first"
    call(db, "update_webhook_endpoint", config, json.dumps({"name": "second", "updated_at": read["updated_at"]}))
    call(db, "update_webhook_endpoint", config, json.dumps({"name": "third"}))
    logged = db.execute("select details from public.webhook_admin_actions order by acted_at").fetchall()
    assert [row["details"] for row in logged] == [{"name": "first"}, {"name": "second"}, {"name": "third"}]
    with pytest.raises(psycopg.Error):
        call(db, "update_webhook_endpoint", config, json.dumps({"updated_at": "yesterday-ish"}))
