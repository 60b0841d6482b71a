"""The faults: each does its harm and repairs it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.chaos.world import processes
from tests.e2e.conftest import trigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.world import World

#: Seconds that a part stays away.
AWAY = 0.5

#: What Postgres logs when it starts after a crash.
RECOVERS = "automatic recovery in progress"


def kill_a_worker(world: World) -> None:
    """SIGKILL to one worker and all of its processes, in mid delivery; a supervisor starts it again."""
    with world.delivering() as worker:
        assert worker.child
        worker.child.kill()
    worker.start()


def terminate_all_workers(world: World) -> None:
    """SIGTERM to all, as a deployment does."""
    for worker in world.workers:
        worker.stop()
    for worker in world.workers:
        worker.start()


def wipe_redis(world: World) -> None:
    """Redis is killed, and comes back empty."""
    assert world.stack.valkey.child
    world.stack.valkey.child.kill()
    time.sleep(AWAY)
    world.stack.valkey.start()


def restart_postgres(world: World) -> None:
    """Postgres shuts down fast, with all connections, and comes back."""
    world.stack.postgres.stop()
    time.sleep(AWAY)
    world.stack.postgres.start()


def crash_postgres(world: World) -> None:
    """Postgres and each of its processes get SIGKILL: commits that did not wait for the disk are lost."""
    assert world.stack.postgres.child
    log = world.stack.postgres.child.log
    before = log.read_text().count(RECOVERS)
    for pid in processes(world.stack.postgres):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    world.stack.postgres.child.process.wait()
    time.sleep(AWAY)
    world.stack.postgres.start()
    assert log.read_text().count(RECOVERS) == before + 1


def kill_the_rest_server(world: World) -> None:
    """The REST server is killed in the middle of claims and records."""
    assert world.stack.supabase.child
    world.stack.supabase.child.kill()
    time.sleep(AWAY)
    world.stack.supabase.start()


def kill_the_gateway(world: World) -> None:
    """The gateway is killed after it has enqueued jobs."""
    trigger(world.gateway.url)
    assert world.gateway.child
    world.gateway.child.kill()
    world.gateway.start()


def _shift_clock(world: World, interval: str) -> None:
    """Move all moments that claims and leases are compared with: to them it is as if the clock had jumped."""
    world.query(
        "update webhooks.delivery_queue set due_at = due_at - %s::interval, leased_at = leased_at - %s::interval",
        interval, interval,
    )  # fmt: skip
    world.query(
        "update public.webhook_circuits set since = since - %s::interval, tokens_at = tokens_at - %s::interval",
        interval, interval,
    )  # fmt: skip


def clock_forward(world: World) -> None:
    """The database's clock jumps an hour ahead: every lease has run out at once."""
    _shift_clock(world, "1 hour")


def clock_back(world: World) -> None:
    """The database's clock jumps three seconds back: what is due is not, for a while."""
    _shift_clock(world, "-3 seconds")


#: Faults after which nothing may have come twice: no crash falls between a request and its record.
WITHOUT_DUPLICATES: tuple[Callable[[World], None], ...] = (
    terminate_all_workers, wipe_redis, kill_the_gateway, clock_back,
)  # fmt: skip
#: Faults that interrupt a request: what was in flight comes twice.
WITH_DUPLICATES: tuple[Callable[[World], None], ...] = (kill_a_worker,)
FAULTS = (*WITHOUT_DUPLICATES, *WITH_DUPLICATES, restart_postgres, crash_postgres, kill_the_rest_server, clock_forward)
