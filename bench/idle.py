"""Scenario m: a process with nothing to do, a worker or `webhooks serve`, with the listener and without."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from bench.meter import Meter
from bench.progress import say
from bench.proxy import passed
from bench.shares import per_minute
from bench.world import command_line
from devstack.processes import free_port

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.sides import Sides
    from bench.world import World

#: Seconds until a process has found nothing to do for so long that it looks no less often, and seconds measured: full
#: and short. The short form sees processes that have just started.
SETTLE, MEASURE = {False: 75.0, True: 8.0}, {False: 90.0, True: 15.0}

WORKER, SERVE = "worker", "webhooks serve"
LISTENING, DEAF = "with the listener", "without"
FORMS = [f"{command}, {form}" for command in (WORKER, SERVE) for form in (LISTENING, DEAF)]


class Idle:
    """One process of a world that has an endpoint and no deliveries, with its meters."""

    def __init__(self, world: World, form: str) -> None:
        self._world = world
        self._proxy = world.proxy()
        world.fill(0, 1)
        world.allow()
        settings = {"SUPABASE_URL": self._proxy}
        if form.endswith(DEAF):
            settings["WEBHOOKS_DATABASE_URL"] = ""
        self._process = (
            world.worker(1, **settings)
            if form.startswith(WORKER)
            else world.serve("serve", free_port(), part="worker", **settings)
        )

    def start(self) -> None:
        """Begin to measure."""
        self._before = passed(self._proxy)
        self._meter = Meter(self._world)

    def stop(self) -> Figures:
        """Return what a minute took, and stop the process."""
        used, now, then = self._meter.used(), passed(self._proxy), self._before
        self._process.stop()
        calls = sum(now.calls.values()) - sum(then.calls.values())
        return per_minute(used, calls, now.sent - then.sent, now.received - then.received)


def run(sides: Sides, *, short: bool) -> dict[str, Any]:
    """Leave a worker process, or `webhooks serve`, without anything to do: what does a minute take?"""
    tables = {}
    for form in FORMS:
        able = {side: world for side, world in sides.items() if form.startswith(WORKER) or serves(world)}
        if not able:
            continue
        say(f"(m) {form}: {SETTLE[short] + MEASURE[short]:.0f} s")
        # both sides at once: neither has anything to do
        idle = {side: Idle(world, form) for side, world in able.items()}
        time.sleep(SETTLE[short])
        for one in idle.values():
            one.start()
        time.sleep(MEASURE[short])
        tables[form] = {side: one.stop() for side, one in idle.items()}
    return {"seconds": MEASURE[short], **tables}


def serves(world: World) -> bool:
    """Return whether a revision has `webhooks serve`."""
    command = [sys.executable, "-m", command_line(world.code), "serve", "--help"]
    return subprocess.run(command, cwd=world.code, capture_output=True, check=False).returncode == 0
