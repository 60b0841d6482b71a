"""Scenario c: from dispatch_webhook's commit to the receiver."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx

from bench.world import DATA, EVENT, wait

if TYPE_CHECKING:
    from bench.world import World

SQL = "select public.dispatch_webhook(%s, %s::jsonb) ->> 'request_id'"


def latency(world: World, per_second: int, seconds: float) -> dict[str, float]:
    """Return p50, p95 and p99 in milliseconds at a rate, and how many of the events arrived."""
    world.fill(0, 1, path="trace")
    world.db.execute("update public.webhook_configurations set is_active = true")
    time.sleep(2)
    committed: dict[str, float] = {}
    begun = time.monotonic()
    for number in range(round(per_second * seconds)):
        time.sleep(max(0.0, begun + number / per_second - time.monotonic()))
        row = world.db.execute(SQL, (EVENT, json.dumps(DATA))).fetchone()
        assert row
        committed[row[0]] = time.monotonic()
    wait(lambda: world.unfinished() == 0)
    arrived = httpx.get(f"{world.receiver}/arrivals", trust_env=False).json()
    # the sooner the worse the clock: what arrives before its commit has returned took no time
    took = sorted(max(0.0, arrived[one] - at) * 1000 for one, at in committed.items() if one in arrived)
    return {
        "p50 ms": _percentile(took, 0.5),
        "p95 ms": _percentile(took, 0.95),
        "p99 ms": _percentile(took, 0.99),
        "arrived": len(took) / len(committed),
        "events/s": len(committed) / max(0.001, max(committed.values()) - begun),
    }


def _percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
