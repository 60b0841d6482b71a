"""`python -m bench.simulate`: a day of 100 million events, from the figures of the last `make bench`."""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from dataclasses import fields, replace

from bench.assumptions import Assumptions, measured
from bench.day import DAY, Day, percentile
from bench.world import ROOT

#: Days that partitions are made ahead, and the first and the last one, which have no begin or no end.
AHEAD, ENDS = 7, 2


def workers(a: Assumptions) -> int:
    """Return how many worker processes the busiest second takes."""
    return math.ceil(a.peak_attempts / (a.worker_rate * a.utilisation))


def cores(a: Assumptions) -> dict[str, float]:
    """Return the cores that each part takes in the busiest second, at the utilisation that is allowed."""
    attempts = a.peak_attempts / 1000
    busy = {
        "Postgres": a.peak_events / 1000 * a.dispatch_cpu + attempts * a.postgres_cpu * a.partitioning_factor,
        "REST": attempts * a.rest_cpu,
        "workers": attempts * a.worker_cpu,
    }
    return {part: seconds / a.utilisation for part, seconds in busy.items()}


def storage(a: Assumptions) -> dict[str, float]:
    """Return what a day puts into tables and the log."""
    rows, attempts = a.deliveries_per_day, a.deliveries_per_day * a.attempts_a_delivery
    disk = rows * a.bytes_a_delivery + attempts * a.bytes_an_attempt
    wal = rows * a.wal_a_dispatched_delivery + attempts * a.wal_a_recorded_delivery
    return {
        "deliveries a day": rows,
        "attempts a day": attempts,
        "bytes a delivery, its attempts and indexes included": disk / rows,
        "GB a day": disk / 1e9,
        f"GB in {a.retention_days} days": disk * a.retention_days / 1e9,
        "WAL, GB a day": wal / 1e9,
        "WAL, MB/s in the busiest second": wal / DAY * a.peak_factor / 1e6,
        "partitions of each table": a.retention_days + AHEAD + ENDS,
        "deliveries in one partition": rows,
    }


def waits(day: Day) -> dict[str, dict[str, float]]:
    """Return how long deliveries waited from the dispatch to the attempt that delivered, by line."""
    everything: dict[int, float] = defaultdict(float)
    for line in day.lines.values():
        for seconds, count in line.waits.items():
            everything[seconds] += count
    lines = {name: line.waits for name, line in day.lines.items()} | {"all": everything}
    return {
        name: {"p50 s": percentile(found, 0.5), "p99 s": percentile(found, 0.99), "longest s": max(found, default=0)}
        for name, found in lines.items()
    }


def main() -> None:
    """Simulate, and print."""
    parser = argparse.ArgumentParser(prog="bench.simulate", description=main.__doc__)
    parser.add_argument("--events", type=float, help="a day, instead of 100 million")
    arguments = parser.parse_args()
    assumptions, known = measured(ROOT / ".devstack" / "bench.json", Assumptions())
    if arguments.events:
        assumptions = replace(assumptions, events_per_day=arguments.events)
    print("Assumed, or measured (*) by the last bench on this machine:\n")
    for field in fields(assumptions):
        print(f"    {field.name}{'*' if field.name in known else ''} = {getattr(assumptions, field.name):,.6g}")
    needed = workers(assumptions)
    # Postgres and REST, sized for the busiest second, bound what a backlog is worked off with
    rate = min(needed * assumptions.worker_rate, assumptions.peak_attempts / assumptions.utilisation)
    day = Day(assumptions, rate=rate, workers=needed)
    parts = cores(assumptions)
    found: dict[str, float] = {
        "events in the busiest second": assumptions.peak_events,
        "attempts in the busiest second": assumptions.peak_attempts,
        "worker processes": needed,
        "attempts a second of all at most": rate,
        **{f"cores for {part}": count for part, count in parts.items()},
        **{
            f"machines of {assumptions.cores_per_machine} cores for {part}": math.ceil(
                parts[part] / assumptions.cores_per_machine
            )
            for part in ("REST", "workers")
        },
        "largest backlog": max(day.backlog),
        "backlog at midnight": day.backlog[-1],
        "delivered": sum(line.delivered for line in day.lines.values()),
        "failed": sum(line.failed for line in day.lines.values()),
        **storage(assumptions),
    }
    print("\n| | |\n|---|---|")
    for name, figure in found.items():
        print(f"| {name} | {figure:,.0f} |" if figure >= 100 else f"| {name} | {figure:.3g} |")  # noqa: PLR2004
    print("\n| from dispatch to delivery | p50 s | p99 s | longest s |\n|---|---|---|---|")
    for name, figures in waits(day).items():
        print(f"| {name} | {' | '.join(f'{figure:,.0f}' for figure in figures.values())} |")


if __name__ == "__main__":
    main()
