"""Scenario d: a claim of 100 and its recording, with ever more rows in the table."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.world import World

CLAIM = "select id, lease_id from public.claim_webhook_deliveries(100, 60, 'bench', 50, '{}')"
RECORD = "select count(*) from public.record_webhook_attempts(%s::jsonb)"
FINISHED = """
insert into public.webhook_deliveries
    (webhook_config_id, event_type, payload, status, attempts, finished_at, created_at, request_id)
select (select id from public.webhook_configurations limit 1), 'user.posted_comment', '{"a": 1}', 'delivered', 1,
       now(), now(), gen_random_uuid()
from generate_series(1, %s)
"""


def claims(world: World, pending: int, finished: int = 0, *, rounds: int = 20) -> dict[str, float]:
    """Return the median milliseconds of a claim and of a recording, straight in SQL."""
    world.fill(pending, 10)
    if finished:
        # row triggers off: ten million rows in minutes
        world.db.execute("set session_replication_role = replica")
        world.db.execute(FINISHED, (finished,))
        world.db.execute("reset session_replication_role")
        world.db.execute("vacuum analyze public.webhook_deliveries")
    world.db.execute("update public.webhook_configurations set is_active = true")
    claimed, recorded = [], []
    for _ in range(rounds):
        begun = time.perf_counter()
        rows = world.db.execute(CLAIM).fetchall()
        claimed.append(time.perf_counter() - begun)
        results = [result(str(identity), str(lease)) for identity, lease in rows]
        begun = time.perf_counter()
        world.db.execute(RECORD, (json.dumps(results),))
        recorded.append(time.perf_counter() - begun)
    world.db.execute("truncate public.webhook_configurations cascade")
    return {"claim ms": median(claimed[2:]) * 1000, "record ms": median(recorded[2:]) * 1000}


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
