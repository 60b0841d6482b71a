"""Scenario k: events that arrive while they are delivered, from callers that each wait for their last call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench import tls
from bench.callers import Callers
from bench.drain import WARM, drain
from bench.draining import ratio
from bench.figures import spreads
from bench.meter import Meter
from bench.progress import rounds, say
from bench.sides import turns
from bench.world import HISTORY

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.sides import Sides
    from bench.world import World

#: In the full form and in the short one.
EVENTS, ROUNDS = {False: 2_000, True: 300}, {False: 5, True: 1}

ENDPOINTS = 10

#: Milliseconds between workers and REST in its variant: a hosted project in the same country.
AWAY = 20

REST, SQL = "through REST", "by SQL in the app's own transaction"
TLS, FAR = "through REST, receivers over TLS", f"through REST, which is {AWAY} ms away from the workers"


def arrive(world: World, way: str, events: int, *, receiver: str | None = None) -> Figures:
    """Return the rate from the first call to the last arrival, what that takes until all is recorded, and losses."""
    receiver = receiver or world.receiver
    world.begin(ENDPOINTS, receiver=receiver)
    time.sleep(1)  # the workers have found nothing to do
    rows, before = events * ENDPOINTS, world.watch.counts(receiver).requests
    with Callers(world, way) as callers:
        meter = Meter(world)
        begun = time.monotonic()
        calls = callers.call(events)
        called = time.monotonic() - begun
        world.watch.recorded(receiver, before + rows)
        counts = world.watch.counts(receiver)
        figures = meter.read(rows, counts.last - begun)
    delivered = world.count("select count(*) from public.webhook_deliveries where status = 'delivered'") - HISTORY
    return {
        **figures,
        "dispatches/s": events / called,
        "deliveries lost": sum(call.deliveries for call in calls) - delivered,
        "sent more than once": counts.requests - before - delivered,
    }


def run(sides: Sides, *, short: bool) -> dict[str, Any]:
    """Let 2,000 events of 300 bytes arrive from 32 callers, for ten endpoints each, while they are delivered."""
    events = EVENTS[short]
    found: dict[str, dict[str, list[Figures]]] = {
        name: {side: [] for side in sides} for name in (REST, SQL, TLS, FAR)
    }  # fmt: skip
    for number in rounds("k", ROUNDS[short]):
        for side, world in turns(sides, number):
            worker = world.worker(2)
            drain(world, WARM, ENDPOINTS)
            for name, way in ((REST, "REST"), (SQL, "SQL")):
                found[name][side].append(arrive(world, way, events))
            worker.stop()
    for number in range((ROUNDS[short] + 1) // 2):
        for side, world in turns(sides, number):
            say(f"(k) {side}: receivers over TLS, then REST {AWAY} ms away")
            found[TLS][side].append(_over_tls(world, events))
            found[FAR][side].append(_far(world, events))
    tables = {name: {side: spreads(each) for side, each in by_side.items()} for name, by_side in found.items()}
    lost = sum(one["deliveries lost"] for by_side in found.values() for one in by_side["this"])
    compared = {name: ratio(each["this"], each["before"]) for name, each in found.items() if "before" in each}
    return {"events": events, "lost": lost, **tables, **({"this / before": compared} if compared else {})}


def _over_tls(world: World, events: int) -> Figures:
    file = tls.certificate(world.directory)
    receiver = world.receive(file)
    worker = tls.trusting_worker(world, 2, file)
    drain(world, WARM, ENDPOINTS, receiver=receiver)
    figures = arrive(world, "REST", events, receiver=receiver)
    worker.stop()
    world.unmeasure("receiver over TLS")
    return figures


def _far(world: World, events: int) -> Figures:
    worker = world.worker(2, SUPABASE_URL=world.proxy(AWAY))
    drain(world, WARM, ENDPOINTS)
    figures = arrive(world, "REST", events)
    worker.stop()
    return figures
