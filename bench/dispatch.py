"""Scenario f: how fast dispatch_webhook is, with so many endpoints subscribed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from bench.world import DATA, EVENT

if TYPE_CHECKING:
    from bench.world import World

SQL = "select public.dispatch_webhook(%s, %s::jsonb)"


def dispatch(world: World, endpoints: int, calls: int) -> dict[str, float]:
    """Return calls and deliveries a second: one connection, a transaction each, as psql would."""
    world.fill(0, endpoints)
    world.db.execute("update public.webhook_configurations set is_active = true")
    data = json.dumps(DATA)
    for _ in range(20):
        world.db.execute(SQL, (EVENT, data))
    begun = time.perf_counter()
    for _ in range(calls):
        world.db.execute(SQL, (EVENT, data))
    seconds = time.perf_counter() - begun
    made = world.count("select count(*) from public.webhook_deliveries") / (calls + 20)
    world.db.execute("truncate public.webhook_configurations cascade")
    return {"calls/s": calls / seconds, "deliveries/s": calls * made / seconds, "deliveries a call": made}
