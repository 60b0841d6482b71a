"""Pending rows drained through the REST API, and what that takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.meter import Meter

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.world import World

#: Rows that are drained before anything is measured: connections and caches warm.
WARM = 1_000


def drain(world: World, rows: int, endpoints: int, *, receiver: str | None = None) -> Figures:
    """Return the rate, until the last result is recorded, CPU seconds per 1,000 and peak memory of each part."""
    receiver = receiver or world.receiver
    added = world.fill(rows, endpoints, receiver=receiver)
    before = world.watch.counts(receiver)
    # a thousand endpoints are activated first, which is not a part of delivering; they can be seen when it is committed
    with world.db.transaction():
        world.allow()
        meter = Meter(world)
        begun = time.perf_counter()
    world.wake()
    seconds = world.watch.recorded(receiver, before.requests + rows) - begun
    found = {**meter.read(rows, seconds), **meter.peaks()}
    # a row's life begins with its insert
    found["WAL bytes per delivery"] += added / rows
    connections = world.watch.counts(receiver).connections - before.connections
    return {**found, "connections per 1,000": connections / rows * 1000}
