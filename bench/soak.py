"""The soak: a steady load for long, on top of a backlog. What does it do to memory and tables, and is anything lost?"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from bench import usage
from bench.drain import WARM, drain
from bench.figures import slope
from bench.progress import say
from bench.world import DATA, EVENT

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.world import World

#: Events by the batch, as a busy app's many callers would make them; each goes to all endpoints.
DISPATCH = """
select coalesce(sum((public.dispatch_webhook(%s, %s::jsonb) ->> 'deliveries')::integer), 0)
from generate_series(1, %s)
"""

#: Of the measured rate what the load is.
SHARE = 0.5

#: Seconds between two batches, and between two looks at memory.
BATCH, SAMPLE = 0.2, 2.0

TABLES = """
select relname, pg_total_relation_size(relid) / 1e6 as mb, n_live_tup, n_dead_tup
from pg_stat_user_tables where relname in ('webhook_deliveries', 'webhook_attempts') order by 1
"""

Samples = dict[int, list[tuple[float, float]]]


def load(world: World, per_second: float, seconds: float, endpoints: int) -> tuple[int, Samples]:
    """Dispatch at a steady rate of deliveries; return how many were made, and each worker process's memory over time.

    Samples are (seconds since the start, MB).
    """
    data, made, owed = json.dumps(DATA), 0, 0.0
    samples: Samples = {}
    begun = last = told = time.monotonic()
    due_sample = begun
    while (now := time.monotonic()) < begun + seconds:
        owed += (now - last) * per_second / endpoints
        last = now
        events, owed = int(owed), owed % 1
        made += world.count(DISPATCH, EVENT, data, events)
        if now >= due_sample:
            due_sample += SAMPLE
            for pid, megabytes in usage.resident(world.parts["worker"]).items():
                samples.setdefault(pid, []).append((now - begun, megabytes))
        if now - told > 60:  # noqa: PLR2004 - a line a minute
            told = now
            say(f"(soak) {now - begun:.0f} of {seconds:.0f} s, {made:,} dispatched")
        time.sleep(max(0.0, BATCH - (time.monotonic() - now)))
    return made, samples


def memory(samples: Samples) -> dict[str, Figures]:
    """Return each process's memory at a fifth of the time and at its end, its peak, and how fast it grows."""
    found = {}
    for number, (_, points) in enumerate(sorted(samples.items())):
        middle = points[-1][0] / 2
        found["first process (Dramatiq's)" if number == 0 else f"process {number}"] = {
            "MB at 20 % of the time": points[len(points) // 5][1],
            "MB at the end": points[-1][1],
            "peak MB": max(megabytes for _, megabytes in points),
            "MB per hour, second half": slope([point for point in points if point[0] >= middle]) * 3600,
        }
    return found


def tables(world: World) -> dict[str, Figures]:
    """Return the tables' sizes, indexes included, and their dead rows."""
    world.db.execute("select pg_stat_force_next_flush()")
    return {
        name: {"MB": float(megabytes), "live rows": live, "dead rows": dead}
        for name, megabytes, live, dead in world.db.execute(TABLES).fetchall()
    }


def lost(world: World, dispatched: int) -> Figures:
    """Return what became of all that was dispatched."""
    delivered = world.count("select count(*) from public.webhook_deliveries where status = 'delivered'")
    return {"dispatched": dispatched, "delivered": delivered, "lost": dispatched - delivered}


def run(world: World, *, short: bool, minutes: float = 10) -> dict[str, Any]:
    """Keep a load of half the measured rate for ten minutes, or MINUTES, on top of 20,000 pending rows."""
    rows, seconds = (3_000, 30.0) if short else (20_000, minutes * 60)
    endpoints = 10
    worker = world.worker(2)
    drain(world, WARM, endpoints)
    rate = drain(world, rows, endpoints)["deliveries/s"]
    say(f"(soak) half of {rate:,.0f} deliveries/s for {seconds:.0f} s")
    world.fill(rows, endpoints)
    before = world.watch.counts(world.receiver).requests
    world.activate()
    made, samples = load(world, rate * SHARE, seconds, endpoints)
    left = world.count("select count(*) from public.webhook_deliveries where finished_at is null")
    world.watch.recorded(world.receiver, before + rows + made)
    kept, used = lost(world, rows + made), memory(samples)
    kept["sent more than once"] = world.watch.counts(world.receiver).requests - before - rows - made
    worker.stop()
    figures = {"memory by process": used, "tables at the end": tables(world)}
    peak = max(one["peak MB"] for one in used.values())
    steady = {"deliveries/s asked": rate * SHARE, "deliveries/s made": made / seconds, "unfinished at its end": left}
    return {"seconds": seconds, **steady, **kept, "peak MB": peak, **figures}
