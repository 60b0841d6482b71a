"""Claiming: leases, order, fairness, and what a claim costs."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]
    Claim = Callable[..., list[dict[str, Any]]]


def fill(db: Database, config: str, count: int, *, due: str = "now()") -> None:
    """Insert pending rows, each due a microsecond after the one before."""
    db.execute(
        f"insert into public.webhook_deliveries (webhook_config_id, event_type, payload, next_attempt_at)"
        f" select %s, 'x.y', jsonb_build_object('n', n), {due} + n * interval '1 microsecond' - interval '1 minute'"
        f" from generate_series(1, %s) n".encode(),
        (config, count),
    )


def test_a_claim_holds_all_that_a_worker_needs(db: Database, endpoint: Callable[..., str], claim: Claim) -> None:
    """URL, secret, body and attempt number in one call; the row shows who has it and until when."""
    config = endpoint(url="https://example.com/a", secret_key="a secret")
    fill(db, config, 1)
    (row,) = claim(lease=60)
    assert row["endpoint"] == {
        "id": config,
        "url": "https://example.com/a",
        "secrets": ["a secret"],
        "circuit": "closed",
        "limited": False,
    }
    assert (row["body"], row["attempt"]) == ('{"n": 1}', 1)
    stored = db.execute(
        "select *, due_at - now() as left from public.webhook_deliveries"
        " join webhooks.delivery_queue on delivery_id = id"
    ).fetchone()
    assert stored is not None
    assert (stored["status"], stored["leased_by"], stored["attempts"]) == ("processing", "test", 0)
    assert 50 < stored["left"].total_seconds() <= 60
    assert claim() == [], "no one else gets a leased row"


def test_oldest_due_first(db: Database, endpoint: Callable[..., str], claim: Claim) -> None:
    """What is due first goes first; what is not due yet stays."""
    config = endpoint()
    fill(db, config, 5)
    fill(db, config, 1, due="now() + interval '1 hour'")
    assert [row["body"] for row in claim(3)] == [f'{{"n": {n}}}' for n in (1, 2, 3)]
    assert len(claim()) == 2


def test_a_backlog_delays_nobody_else(db: Database, endpoint: Callable[..., str], claim: Claim) -> None:
    """100,000 pending rows of one endpoint; another's new delivery is in the very next batch."""
    fill(db, endpoint(name="backlog"), 100_000)
    assert len(claim(100)) == 100
    newcomer = endpoint(name="newcomer")
    fill(db, newcomer, 1, due="now() + interval '59 seconds'")
    batch = claim(100)
    assert len(batch) == 100, "the batch is still full"
    assert newcomer in {row["endpoint"]["id"] for row in batch}


def test_everybody_gets_a_share(db: Database, endpoint: Callable[..., str], claim: Claim) -> None:
    """Eleven backlogs and a batch of 100: rounding the shares up crowds no one out."""
    configs = [endpoint(name=f"e{n}") for n in range(11)]
    for config in configs:
        fill(db, config, 50)
    batch = claim(100)
    assert {row["endpoint"]["id"] for row in batch} == set(configs)
    assert len(batch) == 100


def test_more_endpoints_than_places(db: Database, endpoint: Callable[..., str], claim: Claim) -> None:
    """Thirty backlogs and batches of ten: all are served within a few batches."""
    configs = {endpoint(name=f"e{n}") for n in range(30)}
    for config in configs:
        fill(db, config, 200)
    served = {row["endpoint"]["id"] for _ in range(40) for row in claim(10)}
    assert served == configs


def test_expired_leases_are_taken_back(db: Database, endpoint: Callable[..., str], claim: Claim) -> None:
    """A worker that died gives its rows up when the lease ends, without an attempt spent."""
    fill(db, endpoint(), 3)
    first = claim(lease=60)
    db.execute("update webhooks.delivery_queue set due_at = now()")
    again = claim()
    assert {row["id"] for row in again} == {row["id"] for row in first}
    assert {row["attempt"] for row in again} == {1}
    assert again[0]["lease_id"] != first[0]["lease_id"]


def test_rows_of_an_inactive_endpoint_are_held(db: Database, endpoint: Callable[..., str], claim: Claim) -> None:
    """They wait, and flow when it is switched on again."""
    config = endpoint()
    fill(db, config, 2)
    db.execute("update public.webhook_configurations set is_active = false")
    assert claim() == []
    assert db.execute("select public.webhook_backlog() ->> 'due' as due").fetchone() == {"due": "0"}
    db.execute("update public.webhook_configurations set is_active = true")
    assert len(claim()) == 2


def test_ten_workers_claim_each_row_once(dsn: str, db: Database, endpoint: Callable[..., str]) -> None:
    """Concurrent claims never share a row, and together get all."""
    for n in range(5):
        fill(db, endpoint(name=f"e{n}"), 400)

    def drain(_: int) -> list[str]:
        got: list[str] = []
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
            empty = 0
            while empty < 3:
                row = connection.execute("select public.claim_webhook_deliveries(50, 600) as claimed").fetchone()
                rows = row["claimed"]["deliveries"]
                empty = 0 if rows else empty + 1
                got += [str(row["id"]) for row in rows]
        return got

    with ThreadPoolExecutor(10) as pool:
        got = [row for rows in pool.map(drain, range(10)) for row in rows]
    assert len(got) == len(set(got)) == 2000


def test_a_claim_reads_no_more_from_a_long_table(db: Database, endpoint: Callable[..., str], claim: Claim) -> None:
    """Pages that a claim of 100 touches: as good as the same with 50,000 pending and finished rows as with 2,000.

    Pages, not milliseconds: those say the same on any machine. bench/ has the times.
    """

    def pages() -> int:
        plan = db.execute(
            "explain (analyze, buffers, format json) select public.claim_webhook_deliveries(100)"
        ).fetchone()
        assert plan is not None
        top = plan["QUERY PLAN"][0]["Plan"]
        return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])

    config = endpoint()
    fill(db, config, 2_000)
    db.execute("vacuum analyze public.webhook_deliveries")
    claim()
    few = pages()
    fill(db, config, 50_000)
    db.execute("update public.webhook_deliveries set status = 'delivered' where (payload ->> 'n')::int % 2 = 0"
               " and status = 'pending'")  # fmt: skip
    db.execute("vacuum analyze public.webhook_deliveries")
    claim()
    assert pages() < 2 * few


def test_a_worker_gets_no_more_of_an_endpoint_than_it_has_room_for(db: Database, endpoint: Callable[..., str]) -> None:
    """What others could use goes to them: a silent endpoint fills no worker."""
    silent, quick, limited = endpoint(name="silent"), endpoint(name="quick"), endpoint(name="l", max_concurrency=40)
    for one in (silent, quick, limited):
        fill(db, one, 300)

    def claim(busy: str) -> dict[str, int]:
        sql = "select public.claim_webhook_deliveries(100, 60, 'w', 50, %s) as claimed"
        claimed = db.execute(sql, (busy,)).fetchone()["claimed"]  # type: ignore[index]
        return dict(Counter(row["endpoint_id"] for row in claimed["deliveries"]))

    assert claim(f'{{"{silent}": 45, "{limited}": 20}}') == {silent: 5, quick: 50, limited: 30}
    assert claim(f'{{"{silent}": 50, "{limited}": 50}}') == {quick: 50}
    assert claim(f'{{"{silent}": 60, "{quick}": 10, "{limited}": 0}}') == {quick: 40, limited: 10}


def test_a_worker_claims_ahead_of_a_quick_endpoint(db: Database, endpoint: Callable[..., str]) -> None:
    """Up to a whole batch, if no other endpoint's share is touched and within its own limits."""
    quick, limited = endpoint(name="quick"), endpoint(name="limited", max_concurrency=60)
    fill(db, quick, 900)

    def claim(ahead: dict[str, int]) -> dict[str, int]:
        """Claim 100, with 50 places for each endpoint and none taken."""
        sql = "select public.claim_webhook_deliveries(100, 60, 'w', 50, %s) as claimed"
        busy = json.dumps({one: -more for one, more in ahead.items()})
        claimed = db.execute(sql, (busy,)).fetchone()["claimed"]  # type: ignore[index]
        return dict(Counter(row["endpoint_id"] for row in claimed["deliveries"]))

    assert claim({}) == {quick: 50}
    assert claim({quick: 20}) == {quick: 70}
    assert claim({quick: 1000}) == {quick: 100}
    other = endpoint(name="other")
    fill(db, other, 30)
    fill(db, limited, 300)
    assert claim({quick: 1000, limited: 1000}) == {quick: 36, other: 30, limited: 34}
    assert claim({quick: 1000, limited: 1000}) == {quick: 74, limited: 26}, "as many as it may have in flight"
    assert claim({quick: 1000, limited: 1000}) == {quick: 100}


def test_an_endpoints_settings_are_handed_out_once_a_batch(db: Database, endpoint: Callable[..., str]) -> None:
    """In its first row, for workers that ask for it so; those of the version before get them in every row."""
    one, other = endpoint(name="one"), endpoint(name="other")
    for config in (one, other):
        fill(db, config, 3)
    claimed = db.execute("select public.claim_webhook_deliveries(6) as claimed").fetchone()["claimed"]  # type: ignore[index]
    assert {row["endpoint_id"] for row in claimed["deliveries"]} == {one, other}
    assert len(claimed["deliveries"]) == 6
    assert sorted(settings["id"] for settings in claimed["endpoints"]) == sorted([one, other])


def test_a_batch_is_bounded_in_bytes(db: Database, endpoint: Callable[..., str], claim: Claim) -> None:
    """A batch of the largest payloads would be 64 MB for the REST API and the worker to hold; 4 MB are."""
    config = endpoint()
    db.execute("alter table public.webhook_deliveries alter column payload set storage external")
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
        " select %s, 'x.y', jsonb_build_object('text', repeat('x', 260000)) from generate_series(1, 40)",
        (config,),
    )
    assert [len(claim(250)) for _ in range(4)] == [17, 17, 6, 0]
