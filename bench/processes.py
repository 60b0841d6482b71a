"""Scenario j: one to four worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.drain import WARM, drain
from bench.figures import medians
from bench.progress import rounds
from bench.tables import counted

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.world import World


def run(world: World, *, short: bool) -> dict[str, Any]:
    """Drain with 1 to 4 worker processes, up and down again."""
    rows = 2_000 if short else 8_000
    sizes = (1, 2, 3, 4)
    found: dict[int, list[Figures]] = {size: [] for size in sizes}
    for number in rounds("j", 1 if short else 2):
        for size in sizes if number % 2 == 0 else sizes[::-1]:
            worker = world.worker(size)
            drain(world, WARM, 10)
            found[size].append(drain(world, rows, 10))
            worker.stop()
    figures = {counted(size, "process", "processes"): medians(each) for size, each in found.items()}
    one = figures["1 process"]["deliveries/s"]
    for each in figures.values():
        each["times the rate of 1 process"] = each["deliveries/s"] / one
    return {"rows": rows, "figures": figures}
