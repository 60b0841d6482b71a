"""The meter: what all parts, and the machine, use from its making until it is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bench import usage
from bench.bounds import bound

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.world import World


class Meter:
    """Starts when it is made."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands = world.commands()
        self._processes = world.processes()
        self._machine = usage.machine()
        self._cpu = world.cpu()

    def read(self, rows: int, seconds: float) -> Figures:
        """Return the figures of a run that delivered so many rows in so many seconds."""
        used = {name: now - self._cpu.get(name, 0.0) for name, now in self._world.cpu().items()}
        machine = usage.machine()
        share = (machine.busy - self._machine.busy) / max(0.01, machine.total - self._machine.total)
        busiest = {
            name: max((now - self._processes.get(name, {}).get(pid, 0.0) for pid, now in each.items()), default=0.0)
            / seconds
            for name, each in self._world.processes().items()
        }
        return {
            "deliveries/s": rows / seconds,
            **{f"{name} CPU s per 1,000": seconds_used / rows * 1000 for name, seconds_used in used.items()},
            "total CPU s per 1,000": sum(used.values()) / rows * 1000,
            "cores busy with these parts": sum(used.values()) / seconds,
            "% of all cores busy with anything": share * 100,
            "Redis commands per 1,000": (self._world.commands() - self._commands) / rows * 1000,
            "bound by": bound(busiest, share, sum(used.values()) / seconds / (os.cpu_count() or 1)),
        }

    def peaks(self) -> Figures:
        """Return the peak memory of each part's largest process."""
        return {f"{name} peak MB": usage.peak(pid) for name, pid in self._world.parts.items()}
