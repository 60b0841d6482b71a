"""The histogram over a list of deliveries: it counts what the list finds, and of a full bucket a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import as_admin, call
from tests.database.test_search import buffers, fill, pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]


#: Each column of a histogram, and the statuses that it counts.
NAMES = {"delivered": ["delivered"], "failed": ["failed"], "pending": ["pending", "processing"]}


def histogram(db: Database, **filters: Any) -> dict[str, Any]:
    """Return the histogram of the last 20 minutes, a bucket a minute."""
    row = db.execute("select now() - interval '20 minutes' as begin").fetchone()
    assert row is not None
    return dict(call(db, "webhook_histogram", **{"created_from": row["begin"], "bucket_seconds": 60, **filters}))


def test_it_counts_what_the_list_finds(db: Database, endpoint: Callable[..., str]) -> None:
    """With each filter, and several: the sums are those of the search over the same range."""
    config, other = endpoint(name="a"), endpoint(name="b")
    fill(db, config, 300)
    fill(db, other, 50)
    db.execute("update public.webhook_deliveries set response_status = 503 where status = 'failed'")
    as_admin(db)
    row = db.execute("select now() - interval '20 minutes' as begin").fetchone()
    assert row is not None
    (first,) = call(db, "search_webhook_deliveries", page_size=1)["deliveries"]
    for filters in (
        {}, {"status": "failed"}, {"status": "delivered"}, {"status": "unfinished"}, {"event_type": "seventh.event"},
        {"webhook_config_id": other}, {"response_status": 503},
        {"payload_path": "data.community_id", "payload_value": "c7"},
        {"payload_path": "data.none"}, {"request_id": first["request_id"]},
        {"status": "failed", "webhook_config_id": config, "event_type": "x.y"},
    ):  # fmt: skip
        found = [row for page in pages(db, created_from=row["begin"], **filters) for row in page]
        counted = histogram(db, **filters)
        for status, names in NAMES.items():
            assert sum(counted[status]) == sum(one["status"] in names for one in found), (filters, status)
        assert not any(counted["more"])


def test_buckets_begin_by_the_clock(db: Database, endpoint: Callable[..., str]) -> None:
    """And a delivery is in the one that its time belongs to."""
    fill(db, endpoint(), 100)
    as_admin(db)
    counted = histogram(db)
    assert {at % 60 for at in counted["at"]} == {0}
    db.execute("reset role")
    for at, delivered, failed in zip(counted["at"], counted["delivered"], counted["failed"], strict=True):
        made = db.execute(
            "select count(*) as n from public.webhook_deliveries"
            " where created_at >= to_timestamp(%s) and created_at < to_timestamp(%s) + interval '1 minute'", (at, at),
        ).fetchone()  # fmt: skip
        assert made == {"n": delivered + failed}


def test_a_full_bucket_says_so(db: Database, endpoint: Callable[..., str]) -> None:
    """Of more than 500 that it looks at for a filter it counts 500; of all, up to 10,000."""
    config = endpoint()
    fill(db, config, 501, at="now()")
    for filters, wanted in (({"webhook_config_id": config}, (500, True)), ({}, (501, False))):
        as_admin(db)
        counted = histogram(db, **filters)
        assert (counted["delivered"][-1] + counted["failed"][-1], counted["more"][-1]) == wanted
        assert not any(counted["more"][:-1])
    db.execute("reset role")
    fill(db, config, 9_500, at="now()")
    as_admin(db)
    counted = histogram(db)
    assert (sum(counted["delivered"]) + sum(counted["failed"]), any(counted["more"])) == (10_000, True)


def test_of_one_event_it_reads_no_others(db: Database, endpoint: Callable[..., str]) -> None:
    """However many deliveries the range has: the event is found by its request id, not by its time."""
    sql = "select public.webhook_histogram(now() - interval '20 minutes', null, 60, request_id => gen_random_uuid())"
    config = endpoint()
    touched = []
    for count in (2_000, 60_000):
        fill(db, config, count, at="now() - n * interval '15 milliseconds'")
        as_admin(db)
        touched.append(buffers(db, sql))
        db.execute("reset role")
    assert touched[1] < touched[0] * 1.5 + 100


@pytest.mark.parametrize(
    "hostile",
    [{"bucket_seconds": 0}, {"bucket_seconds": -1}, {"bucket_seconds": None}, {"bucket_seconds": 1},
     {"created_from": None}, {"created_from": "infinity"}, {"created_from": "-infinity"},
     {"created_from": "2000-01-01"},
     {"created_until": "2000-01-01"}],
)  # fmt: skip
def test_a_range_that_cannot_be_drawn(db: Database, hostile: dict[str, Any]) -> None:
    """Is rejected with an error that blames the caller."""
    as_admin(db)
    with pytest.raises(psycopg.Error) as caught:
        histogram(db, **hostile)
    assert caught.value.sqlstate in {"22023", "22003"}


def test_skipping(db: Database, endpoint: Callable[..., str]) -> None:
    """A pending delivery fails and names the person; one that is being sent or is finished does not change."""
    fill(db, endpoint(), 3)
    db.execute("update public.webhook_deliveries set status = 'pending' where payload #>> '{data,number}' <> '3'")
    sql = "select id from public.webhook_deliveries where status = 'pending'"
    waiting, leased = (row["id"] for row in db.execute(sql.encode()))
    db.execute("update webhooks.delivery_queue set ready = false, lease_id = gen_random_uuid(), leased_at = now()"
               " where delivery_id = %s", (leased,))  # fmt: skip
    before = {row["id"]: row for row in db.execute("select * from public.webhook_deliveries")}
    as_admin(db)
    assert call(db, "skip_webhook_deliveries", list(before)) == {"skipped": 1}
    db.execute("reset role")
    after = {row["id"]: row for row in db.execute("select * from public.webhook_deliveries")}
    assert [id_ for id_ in before if before[id_] != after[id_]] == [waiting]
    assert (after[waiting]["status"], after[waiting]["error_message"]) == ("failed", "skipped by admin@example.com")
    assert after[waiting]["finished_at"] is not None
    queued = [row["delivery_id"] for row in db.execute("select delivery_id from webhooks.delivery_queue")]
    assert queued == [leased]
    failed = [row["delivery_id"] for row in db.execute("select delivery_id from webhooks.failed_deliveries")]
    assert failed == [waiting]
    (action,) = db.execute("select actor, action, details from public.webhook_admin_actions").fetchall()
    assert (action["actor"], action["action"], action["details"]["skipped"]) == ("admin@example.com", "skip_many", 1)
    as_admin(db)
    # it can be retried, and its page says what happened
    assert call(db, "get_webhook_delivery", waiting)["timeline"][-1]["text"] == "Skipped by admin@example.com"
    assert call(db, "retry_webhook_deliveries", [waiting])["retried"] == 1
    for none in ([], None, [waiting] * 1001):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="1 to 1,000 deliveries"):
            call(db, "skip_webhook_deliveries", none)
