"""Scenario d: a claim of 100 and its recording, with ever more rows in the table."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.progress import say
from bench.world import FINISHED, QUEUE

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.world import World

#: How claim and record are called: what changes with their signatures is here alone.
CLAIM = (
    "select k ->> 'id', c ->> 'lease_id' from public.claim_webhook_deliveries(100, 60, 'bench', 50, '{}') as c,"
    " json_array_elements(c -> 'deliveries') as k"
)
RECORD = "select public.record_webhook_attempts(%s::jsonb)"

#: Claims that are left out: their plans and caches are made.
WARM = 2


def claims(world: World, pending: int, finished: int = 0, *, rounds: int = 20) -> Figures:
    """Return the median milliseconds of a claim and of a recording, straight in SQL."""
    begun = time.perf_counter()
    world.fill(pending, 10)
    if finished:
        world.insert(FINISHED, {"rows": finished, "payload": '{"a": 1}'})
        world.db.execute("vacuum analyze public.webhook_deliveries")
    world.db.execute("checkpoint")  # what the filling left to be written must not be written while claims are timed
    say(f"(d) {pending:,} pending and {finished:,} finished rows made in {time.perf_counter() - begun:.0f} s")
    world.allow()
    claimed, recorded = [], []
    for _ in range(rounds):
        seconds, rows = _timed(world, CLAIM)
        claimed.append(seconds)
        results = [result(str(identity), str(lease)) for identity, lease in rows]
        seconds, _ = _timed(world, RECORD, json.dumps(results))
        recorded.append(seconds)
    world.empty()
    return {
        "claim of 100, median ms": median(claimed[WARM:]) * 1000,
        "claim of 100, slowest ms": max(claimed[WARM:]) * 1000,
        "recording of 100, median ms": median(recorded[WARM:]) * 1000,
    }


#: Endpoints with nothing due, and a row of tomorrow for each.
IDLE = """
insert into public.webhook_configurations (name, url, events)
select 'idle ' || n, 'https://example.com/idle', '{user.referred_user}' from generate_series(1, %(idle)s) as n
"""
TOMORROW = """
insert into public.webhook_deliveries (webhook_config_id, event_type, payload, next_attempt_at)
select c.id, 'user.referred_user', '{}', now() + interval '1 day'
from public.webhook_configurations as c
where c.name like 'idle %%'
"""


def beside_idle(world: World, idle: int, *, rounds: int = 20) -> Figures:
    """Return the median milliseconds of a claim of 100 of ten endpoints' rows, among others that have nothing due."""
    world.fill(10_000, 10)
    world.insert(IDLE, {"idle": idle})
    world.insert(TOMORROW, {})
    world.db.execute(QUEUE)
    world.db.execute("vacuum analyze")
    world.db.execute("checkpoint")
    world.allow()
    claimed = [_timed(world, CLAIM)[0] for _ in range(rounds)]
    world.empty()
    return {"claim of 100, median ms": median(claimed[WARM:]) * 1000}


def _timed(world: World, sql: str, *parameters: object) -> tuple[float, list[Any]]:
    begun = time.perf_counter()
    rows = world.db.execute(sql.encode(), parameters or None).fetchall()
    return time.perf_counter() - begun, rows


def result(identity: str, lease: str) -> dict[str, object]:
    """Return a result as record_webhook_attempts takes it: delivered."""
    return {
        "delivery_id": identity,
        "lease_id": lease,
        "attempt": 1,
        "started_at": "now",
        "duration_ms": 5,
        "delivered": True,
        "health": "answered",
        "response_status": 200,
        "response_excerpt": "ok",
    }
