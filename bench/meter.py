"""The meter: what all parts, and the machine, use between two moments."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from bench import usage
from bench.bounds import bound
from bench.shares import Used, per_thousand

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.world import World


class Meter:
    """Starts when it is created."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands = world.commands()
        self._commits, self._wal = world.commits(), world.wal()
        self._processes = world.processes()
        self._machine = usage.machine()
        self._cpu = world.cpu()
        self._begun = time.monotonic()

    def used(self) -> Used:
        """Return what has been used so far."""
        ended = time.monotonic()
        cpu = {name: now - self._cpu.get(name, 0.0) for name, now in self._world.cpu().items()}
        machine = usage.machine()
        busiest = {
            name: max((now - self._processes.get(name, {}).get(pid, 0.0) for pid, now in each.items()), default=0.0)
            / (ended - self._begun)
            for name, each in self._world.processes().items()
        }
        return Used(
            begun=self._begun,
            ended=ended,
            cpu=cpu,
            commands=self._world.commands() - self._commands,
            commits=self._world.commits() - self._commits,
            wal=self._world.wal() - self._wal,
            busiest=busiest,
            machine=(machine.busy - self._machine.busy) / max(0.01, machine.total - self._machine.total),
        )

    def read(self, rows: int, seconds: float) -> Figures:
        """Return the figures of a run that delivered this many rows in this many seconds."""
        used = self.used()
        return {
            **per_thousand(used, rows, seconds),
            "cores busy with these parts": used.cores,
            "% of all cores busy with anything": used.machine * 100,
            "bound by": bound(used.busiest, used.machine, used.cores / (os.cpu_count() or 1)),
        }

    def peaks(self) -> Figures:
        """Return the peak memory of each part's largest process."""
        return {f"{name} peak MB": usage.peak(pid) for name, pid in self._world.parts.items()}
