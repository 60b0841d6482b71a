"""Overload and isolation."""

from __future__ import annotations

import json
import statistics
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

from tests.chaos.conftest import FULL
from tests.chaos.test_receivers import raw_server, silent
from tests.chaos.world import World, memory, processes
from tests.e2e.conftest import JOINED

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from tests.chaos.conftest import Report

PENDING = 200_000 if FULL else 10_000
BURST_SECONDS = 10 if FULL else 2

#: What a worker process may take, in MB; 90 MB of it are there before the first delivery.
MEGABYTES = 250


def forget(world: World, condition: str, *parameters: object) -> None:
    """Delete deliveries. Such a statement and a claim lock in opposite orders: a victim is repeated."""
    while True:
        with suppress(psycopg.errors.DeadlockDetected):
            world.query(f"delete from public.webhook_deliveries where {condition}", *parameters)
            return


def test_overload(directory: Path, report: Report) -> None:
    """A backlog and a burst of a thousand dispatches a second: memory, connections and the pool hold."""
    with World(directory / "chaos", workers=2) as world:
        for number in range(20):
            world.endpoint(f"{world.receiver.url}/{number}", events="{user.referred_user}")
        target = world.endpoint(world.receiver.url)
        world.query(
            "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
            " select c.id, 'user.referred_user', jsonb_build_object('n', n, 'text', repeat('x', 300))"
            " from public.webhook_configurations as c, generate_series(1, %s) as n where c.id <> %s",
            PENDING // 20, target,
        )  # fmt: skip
        dispatched = 0
        most_connections = 0
        with world.connect() as connection:
            end = time.monotonic() + BURST_SECONDS
            while time.monotonic() < end:
                begun = time.monotonic()
                connection.execute(
                    "select public.dispatch_webhook('user.joined_community', %s::jsonb) from generate_series(1, 100)",
                    (json.dumps(JOINED),),
                )
                dispatched += 100
                row = connection.execute("select count(*) as n from pg_stat_activity").fetchone()
                most_connections = max(most_connections, row["n"])  # type: ignore[index]
                time.sleep(max(0, 0.1 - (time.monotonic() - begun)))
        if not FULL:
            # the backlog is not waited for: the rest of it goes
            forget(world, "status = 'pending' and event_type = 'user.referred_user'")
        seconds = world.wait(lambda: world.unfinished() == 0, seconds=900)
        peaks = [memory(pid, "VmHWM") for worker in world.workers for pid in processes(worker)]
        assert world.lost() == []
        assert max(peaks) < MEGABYTES, peaks
        assert most_connections < 60, "Supabase Lite's pool and ours, whatever the load"
        report.append(
            {
                "fault": "overload",
                "pending": PENDING,
                "dispatched_a_second": round(dispatched / BURST_SECONDS),
                "deliveries": len(world.seen),
                "lost": 0,
                "duplicated": world.duplicates(),
                "recovery_seconds": round(seconds, 1),
                "worker_peak_mb": round(max(peaks)),
                "connections": most_connections,
            }
        )


def healthy_run(world: World, events: int) -> tuple[float, float]:
    """Dispatch events to the healthy endpoints; return deliveries a second and the 99th percentile of the delay."""
    theirs = "event_type = 'user.joined_community'"
    done = f"from public.webhook_deliveries where {theirs}"
    forget(world, theirs)
    begun = time.monotonic()
    world.dispatch(events)
    world.wait(lambda: world.query(f"select count(*) as n {done} and finished_at is null")[0]["n"] == 0)
    seconds = time.monotonic() - begun
    delays = [
        row["d"] for row in world.query(f"select extract(epoch from finished_at - created_at)::float as d {done}")
    ]
    return len(delays) / seconds, statistics.quantiles(delays, n=100)[98]


def test_a_black_hole_among_healthy_endpoints(directory: Path, report: Report) -> None:
    """One endpoint connects and never responds, with a backlog; the others' deliveries do not wait for it.

    Each round measures the healthy endpoints alone, then with a new black hole: pairs, since the machine is shared.
    """
    endpoints, events, rounds = (99, 40, 9) if FULL else (20, 20, 1)
    fallen = threading.Event()

    def swallow(connection: socket.socket) -> None:
        fallen.set()
        silent(connection)

    pairs = []
    with raw_server(swallow) as hole, World(directory / "chaos", workers=2) as world:
        for number in range(endpoints):
            # this process is the receiver of all: where the machine is busy it is slow, which must not open a circuit
            url = f"{world.receiver.url}/{number}"
            world.endpoint(url, events="{user.joined_community}", timeout_seconds=30)
        healthy_run(world, events)  # connections are made
        for _ in range(rounds):
            alone = healthy_run(world, events)
            fallen.clear()
            black_hole = world.endpoint(hole, events="{user.referred_user}")
            world.query(
                "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
                " select %s, 'user.referred_user', '{}' from generate_series(1, 5000)",
                black_hole,
            )
            world.wait(fallen.is_set)
            pairs.append((alone, healthy_run(world, events)))
            assert world.unfinished() == 5000, "none of the black hole's own was given up meanwhile"
            world.query("update public.webhook_configurations set is_active = false where id = %s", black_hole)
            forget(world, "webhook_config_id = %s", black_hole)
        report.append(
            {
                "fault": f"a black hole among {endpoints}",
                "deliveries": endpoints * events * (2 * rounds + 1),
                "throughput_ratio": round(statistics.median(beside[0] / alone[0] for alone, beside in pairs), 2),
                "p99_ratio": round(statistics.median(beside[1] / alone[1] for alone, beside in pairs), 2),
                "throughput_ratios": [round(beside[0] / alone[0], 2) for alone, beside in pairs],
            }
        )
