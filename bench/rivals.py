"""What the system is compared with, in the same run: the client alone, the first generation, one message a delivery."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from dramatiq import Message

from bench import single, usage
from bench.trusting import TRUSTED
from supabase_webhooks.webhooks.queue import create_broker

if TYPE_CHECKING:
    from pathlib import Path

    from bench.world import World
    from devstack.processes import Child

#: Threads in each of the two processes of one message a delivery.
THREADS = 8


def receiver(world: World, requests: int) -> dict[str, float]:
    """Return the receiver's own rate."""
    child = world.run("bench.raw", world.receiver.rpartition(":")[2], str(requests))
    (said,) = _said([child])
    return {"deliveries/s": requests / said["seconds"]}


def ceiling(  # noqa: PLR0913 - as the command line
    world: World,
    requests: int,
    endpoints: int,
    *,
    processes: int = 2,
    concurrency: int = 500,
    per_second: int = 0,
    url: str | None = None,
    certificate: Path | None = None,
) -> dict[str, float]:
    """Return the rate and the CPU seconds per 1,000 of the worker's client alone."""
    each = requests // processes
    arguments = [url or world.receiver, str(endpoints), str(each), str(concurrency), str(per_second // processes)]
    trusted = {TRUSTED: str(certificate)} if certificate else {}
    said = _said([world.run("bench.client", *arguments, environment=trusted) for _ in range(processes)])
    return {
        "deliveries/s": sum(each / one["seconds"] for one in said),
        "worker CPU s per 1,000": sum(one["cpu"] for one in said) / (each * processes) * 1000,
    }


def first_generation(world: World, rows: int, endpoints: int) -> dict[str, float]:
    """Return the rate of the first generation's algorithm."""
    world.fill(rows, endpoints)
    (said,) = _said([world.run("bench.generation", str(rows))])
    return {"deliveries/s": rows / said["seconds"], "worker CPU s per 1,000": said["cpu"] / rows * 1000}


def one_message_a_delivery(world: World, rows: int, endpoints: int) -> dict[str, float]:
    """Return its rate, from the first message's enqueuing to the last row's update, and its CPU seconds per 1,000."""
    world.fill(rows, endpoints)
    broker = create_broker(world.stack.valkey.url)
    child = _single(world, processes=2)
    ids = [str(row[0]) for row in world.db.execute("select id from public.webhook_deliveries")]
    already = world.watch.counts(world.receiver).requests
    begun, used = time.perf_counter(), usage.cpu(child.pid)
    for identity in ids:
        message: Message[None] = Message(
            queue_name=single.QUEUE, actor_name=single.ACTOR, args=(identity,), kwargs={}, options={}
        )
        broker.enqueue(message)
    end = world.watch.recorded(world.receiver, already + rows)
    seconds, used = end - begun, usage.cpu(child.pid) - used
    child.stop()
    broker.close()
    return {"deliveries/s": rows / seconds, "worker CPU s per 1,000": used / rows * 1000}


def nothing_to_do(world: World, seconds: float, *, processes: int) -> dict[str, float]:
    """Return the share of a core that they take without a message, the Dramatiq that starts them included."""
    child = _single(world, processes=processes)
    time.sleep(seconds / 4)
    begun, used = time.monotonic(), usage.cpu(child.pid)
    time.sleep(seconds)
    share = (usage.cpu(child.pid) - used) / (time.monotonic() - begun)
    child.stop()
    return {"worker % of a core": share * 100}


def _single(world: World, processes: int) -> Child:
    """Start one message a delivery, and wait until every process is ready."""
    arguments = ["bench.single:main", "--processes", str(processes), "--threads", str(THREADS)]
    child = world.run("dramatiq", *arguments, "--queues", single.QUEUE, environment={"BENCH_DSN": world.dsn})
    child.wait_ready(lambda: child.tail().count("ready for action") >= processes)
    time.sleep(1)
    return child


def _said(children: list[Child]) -> list[dict[str, Any]]:
    """Wait for programs to end; return the JSON that each printed last."""
    for child in children:
        if child.process.wait(600):
            child.check()
    return [json.loads(child.tail().splitlines()[-1]) for child in children]
