"""The chart's figures are a plain count of the deliveries, whatever was done to them, and of the attempts."""

from __future__ import annotations

import json
import math
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.database.conftest import claimed_rows
from tests.database.shorthands import as_admin, call
from tests.database.test_tenants import pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

#: Spans, each with a number of buckets. In those of the last two, latencies are those of their hours.
SPANS = [("1 hour", 60), ("6 hours", 72), ("1 minute", 7), ("24 hours", 96), ("7 days", 7)]

#: By the buckets' exact limits; "at" is where they begin, in whole milliseconds.
COUNTED = """
select round(extract(epoch from b.begins), 3)::float8 as at,
       count(d.id) filter (where d.status = 'delivered') as delivered,
       count(d.id) filter (where d.status = 'failed') as failed,
       count(d.id) filter (where d.status in ('pending', 'processing')) as pending
from (
    select n, to_timestamp(extract(epoch from %(from)s::timestamptz) + (n - 1) * %(seconds)s) as begins,
           to_timestamp(extract(epoch from %(from)s::timestamptz) + n * %(seconds)s) as ends
    from generate_series(1, %(buckets)s) as n
) as b
left join public.webhook_deliveries as d
    on d.created_at >= b.begins and (d.created_at < b.ends or b.n = %(buckets)s)
    and d.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
group by b.n, b.begins order by b.n
"""

#: Ways to change what is there: by people, by programs, and by the workers' own calls.
CHANGES = [
    "update public.webhook_deliveries set status = %(status)s where id = any (%(some)s)",
    "update public.webhook_deliveries set created_at = created_at - interval '17 minutes' where id = any (%(some)s)",
    "delete from public.webhook_deliveries where id = any (%(some)s)",
    "update public.webhook_deliveries set next_attempt_at = now() + interval '1 hour' where id = any (%(some)s)",
]


def insert(db: Database, config: str, count: int, randomly: random.Random) -> None:
    """Create deliveries of every status, most of them of the last hours, some of other days and of the last second."""
    statuses = [randomly.choice(["pending", "processing", "delivered", "delivered", "failed"]) for _ in range(count)]
    ages = [randomly.choice([0, 60, 3600, 86_400, 700_000]) * randomly.random() for _ in range(count)]
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, created_at)"
        " select %s, 'x.y', '{}', s, now() - a * interval '1 second' from unnest(%s::text[], %s::float8[]) as v (s, a)",
        (config, statuses, ages),
    )


def deliver(db: Database, randomly: random.Random) -> None:
    """Claim some, and record what became of them."""
    row = db.execute("select public.claim_webhook_deliveries(20, 60, 'test') as c").fetchone()
    assert row is not None
    results = [
        {
            "delivery_id": str(one["id"]),
            "lease_id": str(one["lease_id"]),
            "attempt": one["attempt"],
            "started_at": f"{randomly.choice(['2026-01-02T03:04:05Z', 'now'])}",
            "duration_ms": int(10 ** (4 * randomly.random())),
            "delivered": randomly.random() < 0.7,
            "health": "answered",
        }
        for one in claimed_rows(row["c"])
    ]
    call(db, "record_webhook_attempts", json.dumps(results), "{}")


@pytest.mark.parametrize("seed", range(8))
def test_each_figure_is_a_count(db: Database, endpoint: Callable[..., str], seed: int) -> None:
    """By the time of creation and the present status, without listeners; the newest bucket counts what is just new."""
    randomly = random.Random(seed)
    configs = [endpoint(name=f"e{n}") for n in range(3)]
    as_admin(db)
    listened = call(db, "start_webhook_listener", ["*"])["id"]
    db.execute("reset role")
    for config in (*configs, listened):
        insert(db, config, 60, randomly)
    for _ in range(12):
        ids = [one["id"] for one in db.execute("select id from public.webhook_deliveries order by id").fetchall()]
        some = randomly.sample(ids, len(ids) // 12)
        status = randomly.choice(["pending", "delivered", "failed"])
        db.execute(randomly.choice(CHANGES).encode(), {"some": some, "status": status})
        deliver(db, randomly)
        insert(db, randomly.choice(configs), 5, randomly)
        # of one moment, so that both have the same buckets
        with db.transaction():
            for span, buckets in SPANS:
                series = call(db, "webhook_series", span, buckets)
                given = {"from": series["from"], "seconds": series["bucket_seconds"], "buckets": buckets}
                counted = db.execute(COUNTED.encode(), given).fetchall()
                for name in ("at", "delivered", "failed", "pending"):
                    assert series[name] == [one[name] for one in counted], (span, name)


def exact(durations: list[int], share: float) -> int:
    """Return the duration that this share of the attempts took at most."""
    return sorted(durations)[math.ceil(share * len(durations)) - 1]


@pytest.mark.parametrize("seed", range(4))
def test_latencies(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], seed: int) -> None:
    """Exact in short buckets; in long ones of their hour's attempts, to a power of two, the newest hour's too."""
    randomly = random.Random(seed)
    for _ in range(10):
        endpoint()
    for _ in range(12):
        dispatch()
        deliver(db, randomly)
    with db.transaction():
        short, long = call(db, "webhook_series", "1 hour", 60), call(db, "webhook_series", "24 hours", 96)
        rows = db.execute(
            "select extract(epoch from started_at)::float8 as at, duration_ms, date_trunc('hour', started_at"
            " + duration_ms * interval '1 ms', 'UTC') = date_trunc('hour', now(), 'UTC') as now"
            " from public.webhook_attempts"
        ).fetchall()
        for at, p50, p95 in zip(short["at"], short["p50_ms"], short["p95_ms"], strict=True):
            inside = [
                one["duration_ms"] for one in rows if at <= one["at"] and (one["at"] < at + 60 or at == short["at"][-1])
            ]
            assert (p50, p95) == ((exact(inside, 0.5), exact(inside, 0.95)) if inside else (None, None))
    # no test sees the turn of the hour between a call and its recording, but a slow attempt may end in the next one
    durations = [one["duration_ms"] for one in rows if one["now"]]
    for name, share in (("p50_ms", 0.5), ("p95_ms", 0.95)):
        if durations:
            assert exact(durations, share) / 2 <= long[name][-1] <= exact(durations, share) * 2, name


def test_a_long_history_is_not_read(db: Database, endpoint: Callable[..., str]) -> None:
    """The chart of a day counts in indexes: it reads a fraction of the deliveries' and attempts' pages."""
    db.execute("set session_replication_role = replica")
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, created_at)"
        " select %s, 'x.y', jsonb_build_object('a', (select string_agg(md5(random()::text), '')"
        " from generate_series(1, 30) where n > 0)), 'delivered', now() - n * interval '4 seconds'"
        " from generate_series(1, 20000) as n",
        (endpoint(),),
    )
    db.execute("insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered)"
               " select id, 1, created_at, 5, true from public.webhook_deliveries")  # fmt: skip
    db.execute("set session_replication_role = origin")
    db.execute("vacuum analyze public.webhook_deliveries, public.webhook_attempts")
    row = db.execute("select sum(pg_relation_size(oid)) / 8192 as pages from pg_class where relkind = 'r'"
                     " and relname in ('webhook_deliveries', 'webhook_deliveries_past')").fetchone()  # fmt: skip
    assert row is not None
    series = "select public.webhook_series('24 hours', 96)"
    assert pages(db, series) < row["pages"] / 2
    assert sum(call(db, "webhook_series", "24 hours", 96)["delivered"]) == 20000
