"""Bounds: what kept a run from being faster, as its CPU figures tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A process that uses this much of a core is at its end (Python and Node run on one each), and so is the machine when
#: this share of its cores is in use. Neither gets to 1: a run has a beginning and an end.
FULL_PROCESS, FULL_MACHINE = 0.8, 0.85


def bound(busiest: Mapping[str, float], machine: float, own: float) -> str:
    """Return what bounds a rate.

    Given the cores that each part's busiest process uses, and the shares of the machine's cores that are in use, by
    anything and by the parts.
    """
    found = [f"{name}: one process at {cores:.2f} of a core" for name, cores in busiest.items() if cores > FULL_PROCESS]
    if machine > FULL_MACHINE:
        found.append(f"the machine: {machine:.0%} in use, {own:.0%} by these parts")
    if found:
        return "; ".join(found)
    name = max(busiest, key=lambda one: busiest[one])
    return f"waiting: the busiest is {name} at {busiest[name]:.2f} of a core"
