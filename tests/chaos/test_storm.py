"""Deliveries while every part of the system dies and comes back: none is lost."""

from __future__ import annotations

import random
import threading
import time
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import pytest

from tests.chaos.conftest import FULL
from tests.chaos.faults import FAULTS, WITH_DUPLICATES, WITHOUT_DUPLICATES
from tests.chaos.world import World, files, memory, processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chaos.conftest import Report

#: Events for each fault, each to two endpoints, over this many seconds.
EVENTS, SECONDS = (1000, 5.0) if FULL else (100, 1.5)


@pytest.fixture(scope="module")
def world(directory: Path) -> Iterator[World]:
    """One system for all faults, with two endpoints."""
    with World(directory / "chaos") as whole:
        for path in ("a", "b"):
            whole.endpoint(f"{whole.receiver.url}/{path}", max_attempts=20)
        yield whole


def load(world: World, events: int) -> threading.Thread:
    """Dispatch events in twenty steps, aside."""

    def dispatch() -> None:
        for _ in range(20):
            world.dispatch(events // 20)
            time.sleep(SECONDS / 20)

    thread = threading.Thread(target=dispatch)
    thread.start()
    return thread


def settle(world: World, loading: threading.Thread) -> float:
    """Wait until all is finished and check that nothing was lost; return the seconds since load and fault ended."""
    loading.join()
    begun = time.monotonic()
    world.wait(lambda: world.unfinished() == 0)
    assert len(world.rows()) == 2 * len(world.keys), "each acknowledged event is there once, for both endpoints"
    assert world.lost() == []
    return time.monotonic() - begun


def book(report: Report, world: World, fault: str, *, duplicated: int, recovery: float, count: int = 1) -> None:
    """Note what a fault did."""
    report.append(
        {
            "fault": fault,
            "injected": count,
            "deliveries": 2 * EVENTS,
            "lost": len(world.lost()),
            "duplicated": duplicated,
            "recovery_seconds": round(recovery, 1),
        }
    )


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_nothing_is_lost(world: World, report: Report, fault: type) -> None:
    """Every row is delivered, every webhook-id seen; twice only where a crash fell between request and record."""
    before = world.duplicates()
    loading = load(world, EVENTS)
    time.sleep(random.uniform(0.3, SECONDS / 2))
    fault(world)
    recovery = settle(world, loading)
    duplicated = world.duplicates() - before
    book(report, world, fault.__name__, duplicated=duplicated, recovery=recovery)
    if fault in WITHOUT_DUPLICATES:
        assert duplicated == 0
    if fault in WITH_DUPLICATES:
        assert duplicated > 0, "a request was in flight"
    assert duplicated <= 400, "no more than two workers have in flight"


def test_all_of_it_at_random(world: World, report: Report) -> None:
    """Faults one after the other, in an order that the seed says."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    before = world.duplicates()
    loading = load(world, EVENTS)
    faults = [chance.choice(FAULTS) for _ in range(12 if FULL else 3)]
    for fault in faults:
        time.sleep(chance.uniform(0, 1))
        fault(world)
    recovery = settle(world, loading)
    duplicated = world.duplicates() - before
    book(report, world, f"random (seed {seed})", duplicated=duplicated, recovery=recovery, count=len(faults))


#: Files of a process with connections to Supabase and Redis, and as many to each endpoint as it may have in flight.
FILES = 60 + 2 * 50


def test_no_process_leaks(world: World) -> None:
    """After all that, waves of deliveries add no memory, and no more sockets than may be in flight."""
    services = (*world.workers, world.gateway)
    pids = [pid for service in services for pid in processes(service)]

    def wave() -> None:
        settle(world, load(world, EVENTS))

    wave()
    sizes = {pid: [memory(pid)] for pid in pids}
    for _ in range(5 if FULL else 3):
        wave()
        for pid in pids:
            sizes[pid].append(memory(pid))
    for pid in pids:
        # what leaks adds some in every wave, what malloc cannot give back comes and goes
        grown = median(after - before for before, after in pairwise(sizes[pid]))
        assert grown < (3 if FULL else 5), f"process {pid} grows by {grown:.1f} MB a wave"
        assert files(pid) <= FILES, f"process {pid} has {files(pid)} files"
