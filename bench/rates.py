"""Scenario l: events that come at a steady rate, whatever becomes of them: latency, and what each one takes."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.callers import Callers
from bench.drain import WARM, drain
from bench.figures import medians, percentile
from bench.meter import Meter
from bench.progress import rounds, say
from bench.proxy import passed
from bench.shares import per_delivery
from bench.sides import turns

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.sides import Sides
    from bench.world import World

#: Seconds that are measured, in the full form and in the short one, and rounds.
SECONDS, ROUNDS = {False: 20.0, True: 5.0}, {False: 2, True: 1}

#: Seconds after the drain that warms everything, until Postgres has counted all of its commits.
SETTLE = {False: 10.0, True: 0.0}

#: Seconds of the rate before what is measured, and after it.
BEFORE, AFTER = 3.0, 1.0


WAYS = ("REST", "SQL")
COMPARED = ("p50 ms", "p99 ms", "total CPU ms per delivery", "total without REST CPU ms per delivery")


class Rate(NamedTuple):
    """Events a second, the endpoints of each, and whether workers listen to Postgres."""

    events: float
    endpoints: int = 1
    listening: bool = True

    def __str__(self) -> str:
        return f"{self.events * self.endpoints:,g}/s{'' if self.listening else ' without a listener'}"


RATES = (Rate(1), Rate(10), Rate(50), Rate(200), Rate(100, 10), Rate(50, listening=False))


def keep(world: World, proxy: str, way: str, rate: Rate, seconds: float) -> Figures:
    """Return the figures of this many seconds in the middle of a rate: no beginning, no end, no look at the tables."""
    world.begin(rate.endpoints, path="trace")
    time.sleep(2)  # the workers have found nothing to do
    events = math.ceil(rate.events * (BEFORE + seconds + AFTER))
    with Callers(world, way) as callers, ThreadPoolExecutor(1) as thread:
        calling = thread.submit(callers.call, events, per_second=rate.events)
        time.sleep(BEFORE)
        before = passed(proxy).calls
        meter = Meter(world)
        time.sleep(seconds)
        used = meter.used()
        after = passed(proxy).calls
        calls = [call for call in calling.result() if used.begun <= call.begun < used.ended]
    world.watch.recorded()
    arrived = world.watch.arrivals(world.receiver)
    took = sorted((at - call.begun) * 1000 for call in calls for at in arrived.get(call.request_id, ()))
    made = sum(call.deliveries for call in calls)
    return {
        "p50 ms": percentile(took, 0.5),
        "p99 ms": percentile(took, 0.99),
        "% arrived": len(took) / made * 100,
        **per_delivery(used, made, len(calls), sum(after.values()) - sum(before.values())),
        **{f"calls of {name} per event": (after[name] - before.get(name, 0)) / len(calls) for name in sorted(after)},
    }


def run(sides: Sides, *, short: bool) -> dict[str, Any]:
    """Keep 1, 10, 50, 200 and 1,000 deliveries/s (ten endpoints each) and time from before the call to the arrival."""
    seconds = SECONDS[short]
    proxies = {side: world.proxy() for side, world in sides.items()}
    found: dict[str, dict[str, list[Figures]]] = {}
    for number in rounds("l", ROUNDS[short]):
        for rate in RATES:
            for side, world in turns(sides, number):
                say(f"(l) {side}: {rate}")
                silent = {} if rate.listening else {"WEBHOOKS_DATABASE_URL": ""}
                worker = world.worker(2, SUPABASE_URL=proxies[side], **silent)
                drain(world, WARM, 10)
                time.sleep(SETTLE[short])
                for way in WAYS:
                    figures = keep(world, proxies[side], way, rate, seconds)
                    found.setdefault(str(rate), {}).setdefault(f"{side}, by {way}", []).append(figures)
                worker.stop()
    tables = {rate: {name: medians(each) for name, each in sorted(forms.items())} for rate, forms in found.items()}
    compared = compare(tables) if "before" in sides else {}
    return {"seconds": seconds, **tables, **({"this / before": compared} if compared else {})}


def compare(tables: dict[str, dict[str, Figures]]) -> dict[str, Figures]:
    """Return what the latency and the cost are of those before, at each rate."""
    return {
        f"{rate}, by {way}": {
            what: forms[f"this, by {way}"][what] / forms[f"before, by {way}"][what] for what in COMPARED
        }
        for rate, forms in tables.items()
        for way in WAYS
    }
