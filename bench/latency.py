"""Scenario c: from dispatch_webhook's commit to the receiver."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx

from bench.figures import percentile
from bench.world import DATA, EVENT

if TYPE_CHECKING:
    from bench.world import World

SQL = "select public.dispatch_webhook(%s, %s::jsonb) ->> 'request_id'"


def latency(world: World, per_second: int, seconds: float) -> dict[str, float]:
    """Return p50, p95 and p99 in milliseconds at a rate, and how many of the events arrived."""
    world.fill(0, 1, path="trace")
    world.allow()
    time.sleep(2)  # the workers have found nothing to do, and sleep
    committed: dict[str, float] = {}
    begun = time.monotonic()
    for number in range(round(per_second * seconds)):
        time.sleep(max(0.0, begun + number / per_second - time.monotonic()))
        row = world.db.execute(SQL, (EVENT, json.dumps(DATA))).fetchone()
        assert row
        committed[row[0]] = time.monotonic()
    world.watch.recorded()
    arrived = httpx.get(f"{world.receiver}/arrivals", trust_env=False).json()
    # the sooner the worse the clock: what arrives before its commit has returned took no time
    took = sorted(max(0.0, arrived[one] - at) * 1000 for one, at in committed.items() if one in arrived)
    return {
        "p50 ms": percentile(took, 0.5),
        "p95 ms": percentile(took, 0.95),
        "p99 ms": percentile(took, 0.99),
        "% arrived": len(took) / len(committed) * 100,
        "events/s dispatched": len(committed) / max(0.001, max(committed.values()) - begun),
    }
