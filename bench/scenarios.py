"""The scenarios in their order: what each runs, how large, and which bars it is held to."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from bench import backlog, dispatch, drain, latency, partitions, rivals, silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.world import World

Result = dict[str, Any]

#: Rounds of what is interleaved; medians are reported.
ROUNDS = {False: 5, True: 2}


def a(world: World, *, short: bool) -> Result:
    """Drain 20,000 rows to 10 endpoints, beside the client alone and the two older designs, interleaved."""
    rows = 6_000 if short else 20_000
    worker = world.worker(2)
    drain.drain(world, 1_000, 10)  # connections and caches warm
    rounds = [
        {
            "receiver": rivals.receiver(world, rows),
            "client alone": rivals.ceiling(world, rows, 10),
            "this": drain.drain(world, rows, 10),
            "one message a delivery": rivals.one_message_a_delivery(world, rows // 10, 10),
            "first generation": rivals.first_generation(world, rows // 40, 10),
        }
        for _ in range(ROUNDS[short])
    ]
    worker.stop()
    medians = {name: _medians([one[name] for one in rounds]) for name in rounds[0]}
    ratios = {
        f"this / {other}": median(one["this"]["rate"] / one[other]["rate"] for one in rounds)
        for other in rounds[0]
        if other != "this"
    }
    return {"rows": rows, **medians, "ratios": ratios, "rounds": rounds}


def b(world: World, *, short: bool) -> Result:
    """Drain the same to 1 and to 1,000 endpoints."""
    rows = 3_000 if short else 20_000
    worker = world.worker(2)
    found = {f"{number:,} endpoints": drain.drain(world, rows, number) for number in (1, 10, 1_000)}
    worker.stop()
    return {"rows": rows, **found}


def g(world: World, *, short: bool) -> Result:
    """Count SQL statements and Redis commands per 1,000 deliveries."""
    rows = 2_000 if short else 5_000
    worker = world.worker(2)
    counted = drain.statements(world, rows, 10)
    measured = drain.drain(world, rows, 10)
    worker.stop()
    commands = {name: measured[name] for name in ("transactions per 1,000", "redis commands per 1,000")}
    return {"rows": rows, **counted, **commands}


def c(world: World, *, short: bool) -> Result:
    """Time events from dispatch_webhook's commit to the receiver, without the cron."""
    worker = world.worker(2)
    seconds = 5 if short else 30
    found = {f"{rate} events/s": latency.latency(world, rate, seconds) for rate in (1, 50, 200)}
    worker.stop()
    return found


def d(world: World, *, short: bool) -> Result:
    """Claim 100 and record them, with ever more rows in the table."""
    sizes = (10_000, 50_000) if short else (10_000, 100_000, 1_000_000)
    found = {f"{size:,} pending": backlog.claims(world, size) for size in sizes}
    finished = 100_000 if short else 10_000_000
    found[f"10,000 pending, {finished:,} finished"] = backlog.claims(world, 10_000, finished)
    first, last = (found[f"{size:,} pending"]["claim ms"] for size in (sizes[0], sizes[-1]))
    return {**found, f"claim at {sizes[-1]:,} / at {sizes[0]:,}": last / first}


def e(world: World, *, short: bool) -> Result:
    """Deliver to a hundred endpoints of which one never answers, and to a hundred healthy ones, interleaved."""
    rows = 3_000 if short else 10_000
    shares = []
    for _ in range(1 if short else 3):
        # new workers each time: what waits for the silent one would be left over
        worker = world.worker(2)
        healthy = silence.healthy_rate(world, rows, 100, silent=False)
        ill = silence.healthy_rate(world, rows, 100, silent=True)
        worker.stop()
        shares.append(ill / healthy)
    return {"rows": rows, "healthy endpoints keep": median(shares)}


def f(world: World, *, short: bool) -> Result:
    """Dispatch with 1, 10 and 100 subscribed endpoints."""
    calls = 200 if short else 1_000
    return {f"{number} endpoints": dispatch.dispatch(world, number, calls) for number in (1, 10, 100)}


def p(world: World, *, short: bool) -> Result:
    """Claim, record, vacuum and purge with a long history, in one table and partitioned; and the change to it."""
    return partitions.compare(world, 1_000_000 if short else 10_000_000)


def _medians(results: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(one[name] for one in results) for name in results[0]}


SCENARIOS: dict[str, Callable[..., Result]] = {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "g": g, "p": p}
