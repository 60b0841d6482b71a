"""Scenario m: a worker process with nothing to do, with the listener and without."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench.meter import Meter
from bench.progress import say
from bench.proxy import passed
from bench.shares import per_minute

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.sides import Sides
    from bench.world import World

#: Seconds until a worker has found nothing to do for so long that it looks no less often, and seconds measured: full
#: and short. The short form sees workers that have just started.
SETTLE, MEASURE = {False: 75.0, True: 8.0}, {False: 120.0, True: 15.0}

FORMS: dict[str, dict[str, str]] = {"with the listener": {}, "without": {"WEBHOOKS_DATABASE_URL": ""}}


class Idle:
    """One worker process of a world that has an endpoint and no deliveries, with its meters."""

    def __init__(self, world: World, settings: dict[str, str]) -> None:
        self._world = world
        self._proxy = world.proxy()
        world.fill(0, 1)
        world.allow()
        self._worker = world.worker(1, SUPABASE_URL=self._proxy, **settings)

    def start(self) -> None:
        """Begin to measure."""
        self._before = passed(self._proxy)
        self._meter = Meter(self._world)

    def stop(self) -> Figures:
        """Return what a minute took, and stop the worker."""
        used, now, then = self._meter.used(), passed(self._proxy), self._before
        self._worker.stop()
        calls = sum(now.calls.values()) - sum(then.calls.values())
        return per_minute(used, calls, now.sent - then.sent, now.received - then.received)


def run(sides: Sides, *, short: bool) -> dict[str, Any]:
    """Leave a worker process without anything to do: what does a minute take?"""
    tables = {}
    for form, settings in FORMS.items():
        say(f"(m) {form}: {SETTLE[short] + MEASURE[short]:.0f} s")
        # both sides at once: neither has anything to do
        idle = {side: Idle(world, settings) for side, world in sides.items()}
        time.sleep(SETTLE[short])
        for one in idle.values():
            one.start()
        time.sleep(MEASURE[short])
        tables[form] = {side: one.stop() for side, one in idle.items()}
    return {"seconds": MEASURE[short], **tables}
