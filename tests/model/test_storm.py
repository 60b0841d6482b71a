"""Many connections at once: what the model cannot order, each row still adds up."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg

from tests.model.conftest import LONG
from tests.model.machine import OUTCOMES
from tests.model.world import JOINED

if TYPE_CHECKING:
    from tests.model.world import World

#: More than the machine has cores, so that they interleave anywhere.
CALLERS = 8
SECONDS = 120 if LONG else 6
#: What a caller may be told: wait and come again (55P03), or that what it asks for is not possible now.
TOLD = {"55P03", "22023", "PT404"}

ENDPOINT = "(select id from public.webhook_configurations order by random() limit 1)"
#: An endpoint that retries at once, so that much happens in a second; six at most.
CREATE = (
    "insert into public.webhook_configurations (name, url, events, retry_schedule, circuit_reset_seconds)"
    " select 'receiver', 'https://example.com/', '{*}', '{0,0,1}', 1"
    " where (select count(*) from public.webhook_configurations where deleted_at is null) < 6"
)
#: Calls that need nothing, and how often each is made.
SIMPLE = {
    f"select public.dispatch_webhook('user.joined_community', '{json.dumps(JOINED)}')": 5,
    "select public.replay_webhook_deliveries(status => 'failed', dry_run => false)": 1,
    f"select public.update_webhook_endpoint({ENDPOINT}, '{{\"is_active\": true}}')": 3,
    f"select public.update_webhook_endpoint({ENDPOINT}, '{{\"is_active\": false}}')": 1,
    f"select public.update_webhook_endpoint({ENDPOINT}, '{{\"max_concurrency\": 2}}')": 1,
    f"select public.delete_webhook_endpoint({ENDPOINT})": 1,
    f"select public.delete_webhook_endpoint({ENDPOINT}, true)": 1,
    f"select public.retry_webhook_deliveries(webhook_config_id => {ENDPOINT})": 1,
    "select public.purge_webhook_history('2 seconds')": 1,
    CREATE: 2,
}

#: Each returns rows that contradict each other.
CONTRADICTIONS = {
    "attempts are not the log": """
        select d.id from public.webhook_deliveries as d where d.attempts <> (
            select count(*) from public.webhook_attempts as a where a.delivery_id = d.id)""",
    "delivered without a delivered attempt": """
        select d.id from public.webhook_deliveries as d where d.status = 'delivered' and not exists (
            select from public.webhook_attempts as a where a.delivery_id = d.id and a.delivered)""",
    "the queue is not what is unfinished": """
        select coalesce(d.id, q.delivery_id)
        from (select * from public.webhook_deliveries where status in ('pending', 'processing')) as d
        full join webhooks.delivery_queue as q on q.delivery_id = d.id
        where d.id is null or q.delivery_id is null or (d.status = 'processing' and q.lease_id is null)""",
    "the failed are not those that failed": """
        select coalesce(d.id, f.delivery_id)
        from (select * from public.webhook_deliveries where status = 'failed') as d
        full join webhooks.failed_deliveries as f on f.delivery_id = d.id
        where d.id is null or f.delivery_id is null""",
}


class Storm:
    """What all callers know together."""

    def __init__(self, world: World, seconds: float = SECONDS) -> None:
        self.world = world
        self.seconds = seconds
        self.lock = threading.Lock()
        self.delivered: set[str] = set()
        self.asked_again: set[str] = set()
        self.problems: list[str] = []
        self.calls = 0

    def run(self) -> None:
        """Let all callers loose until the time is over, or one has met a problem."""
        for _ in range(4):
            self.world.db.execute(CREATE.encode())
        threads = [threading.Thread(target=self.caller, args=(seed,)) for seed in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def caller(self, seed: int) -> None:
        """Make calls until the time is over."""
        choose = random.Random(seed)
        held: list[tuple[str, str, int]] = []
        end = time.monotonic() + self.seconds
        with psycopg.connect(self.world.dsn, autocommit=True) as db:
            while time.monotonic() < end and not self.problems:
                try:
                    self.call(db, choose, held)
                except psycopg.Error as exc:
                    if exc.sqlstate not in TOLD:
                        self.problems.append(f"{exc.sqlstate}: {exc}")
                self.calls += 1

    def call(self, db: psycopg.Connection[Any], choose: random.Random, held: list[tuple[str, str, int]]) -> None:
        """Make one call."""
        kind = choose.choices([*SIMPLE, "claim", "record", "release", "retry"], [*SIMPLE.values(), 10, 12, 2, 2])[0]
        if kind == "claim":
            self.claim(db, choose, held)
        elif kind == "record" and held:
            self.record(db, choose, held)
        elif kind == "release":
            given = [{"delivery_id": one, "lease_id": lease} for one, lease, _ in held[-3:]]
            db.execute("select public.release_webhook_deliveries(%s::jsonb)", (json.dumps(given),))
        elif kind == "retry":
            found = db.execute("select id::text from public.webhook_deliveries order by random() limit 1").fetchone()
            if found:
                with self.lock:
                    self.asked_again.add(found[0])
                db.execute("select public.retry_webhook_delivery(%s)", found)
        elif kind in SIMPLE:
            db.execute(kind.encode())

    def claim(self, db: psycopg.Connection[Any], choose: random.Random, held: list[tuple[str, str, int]]) -> None:
        """Claim; nothing that was delivered before, and that no one asked for again, may come."""
        with self.lock:
            before = self.delivered - self.asked_again
        row = db.execute("select public.claim_webhook_deliveries(%s, 1)", (choose.choice([1, 10, 100]),)).fetchone()
        assert row is not None
        with self.lock:
            before -= self.asked_again
        for one in row[0]["deliveries"]:
            held.append((one["id"], row[0]["lease_id"], one["attempt"]))
            if one["id"] in before:
                self.problems.append(f"{one['id']} was delivered, and is sent again")

    def record(self, db: psycopg.Connection[Any], choose: random.Random, held: list[tuple[str, str, int]]) -> None:
        """Record some; sometimes they stay, to be recorded again."""
        chosen = [held[choose.randrange(len(held))] for _ in range(choose.choice([1, 5, 20]))]
        results = [
            {**OUTCOMES[choose.choice(list(OUTCOMES))], "delivery_id": delivery, "lease_id": lease, "attempt": attempt,
             "started_at": f"2026-01-02T03:04:{attempt % 60:02}Z", "duration_ms": 1}
            for delivery, lease, attempt in set(chosen)
        ]  # fmt: skip
        for one in results:
            one.setdefault("delivered", False)
        row = db.execute("select public.record_webhook_attempts(%s::jsonb)", (json.dumps(results),)).fetchone()
        assert row is not None
        with self.lock:
            self.delivered |= {one["delivery_id"] for one in row[0]["recorded"] if one["status"] == "delivered"}
        if choose.random() < 0.8:
            held[:] = [one for one in held if one not in chosen]


def test_in_every_interleaving_each_row_adds_up(world: World) -> None:
    """Delivered means delivered, attempts counted equal the log, no one is a deadlock's victim."""
    storm = Storm(world)
    storm.run()
    assert not storm.problems, "\n".join(storm.problems)
    assert storm.calls > 100
    for problem, sql in CONTRADICTIONS.items():
        assert world.db.execute(sql.encode()).fetchall() == [], problem


#: How endpoints were deleted at first: the row, and by its references all that belongs to it, in any order.
AT_ONCE = """
    create or replace function webhooks.delete_webhook_endpoint(
        webhook_config_id uuid, keep_history boolean default false)
    returns jsonb language sql security definer set search_path = pg_catalog, pg_temp
    as $$
        with gone as (
            delete from public.webhook_configurations as c
            where c.id = delete_webhook_endpoint.webhook_config_id
            returning c.id
        )
        select jsonb_build_object('more', false, 'deliveries', count(*)) from gone
    $$
"""


def test_a_deletion_that_locks_in_another_order_is_found(world: World) -> None:
    """The deletion of a busy endpoint in one statement makes someone a deadlock's victim: the storm meets one."""
    world.db.execute(AT_ONCE.encode())
    storm = Storm(world, seconds=180)
    storm.run()
    assert [problem[:5] for problem in storm.problems[:1]] == ["40P01"], storm.problems
