"""RabbitMQ in Redis's place: everything arrives, whatever becomes of RabbitMQ."""

from __future__ import annotations

import os
import signal
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import httpx
import pytest

from devstack.receiver import Receiver, Reply
from supabase_webhooks.webhooks.queue import QUEUE, create_broker
from tests.e2e.conftest import trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devstack.rabbitmq import RabbitMQ
    from tests.e2e.conftest import System

#: Only what goes through RabbitMQ starts work.
NO_SWEEP = {"WEBHOOKS_SWEEP_SECONDS": "0"}


@pytest.fixture
def rabbitmq(system: System, rabbitmq_server: RabbitMQ) -> RabbitMQ:
    """The session's server, empty, for this test's gateway and workers, which have no REDIS_URL."""
    purge(rabbitmq_server)
    use(system, rabbitmq_server)
    return rabbitmq_server


@pytest.fixture
def mortal(system: System, start_rabbitmq: Callable[[Path], RabbitMQ], tmp_path: Path) -> Iterator[RabbitMQ]:
    """A server that the test may kill."""
    server = start_rabbitmq(tmp_path)
    use(system, server)
    yield server
    server.stop()


def use(system: System, server: RabbitMQ) -> None:
    system.variables = {"REDIS_URL": "", "WEBHOOKS_BROKER_URL": server.url}


def purge(server: RabbitMQ) -> int:
    """Throw all messages away; return how many waited."""
    broker = create_broker(server.url)
    waiting = broker.get_queue_message_counts(QUEUE)  # type: ignore[attr-defined]  # RabbitMQ's
    broker.flush(QUEUE)
    broker.close()
    return int(sum(waiting[:2]))


def test_events_arrive(system: System, rabbitmq: RabbitMQ) -> None:  # noqa: ARG001 - it is in the settings
    """Gateway and two worker processes: each of 300 rows once, by wake-up calls alone."""
    with Receiver() as receiver:
        for n in range(3):
            system.endpoint(f"{receiver.url}/{n}")
        system.dispatch(100)
        gateway = system.gateway()
        assert httpx.get(f"{gateway.url}/readyz", trust_env=False).status_code == 200
        system.worker(processes=2, **NO_SWEEP)
        assert trigger(gateway.url).json()["enqueued"] == 1
        system.wait_for_status("delivered", 300)
        ids = Counter(request.headers["webhook-id"] for request in receiver.received)
    assert len(ids) == 300
    assert set(ids.values()) == {1}


def test_two_workers_sweep_in_turns(system: System, rabbitmq: RabbitMQ) -> None:  # noqa: ARG001 - as above
    """Without a gateway: 200 rows, 200 requests."""
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        for _ in range(2):
            system.worker(processes=2)
        system.dispatch(200)
        system.wait_for_status("delivered", 200)
        assert len({r.headers["webhook-id"] for r in receiver.received}) == len(receiver.received) == 200


def test_retries_do_not_wait_for_the_cron(system: System, rabbitmq: RabbitMQ) -> None:  # noqa: ARG001 - as above
    """With the sweep off and one trigger: attempts at once, after 2 s and after 4 s."""
    statuses = iter([500, 503, 200])
    with Receiver(answer=lambda _: Reply(next(statuses))) as receiver:
        system.endpoint(receiver.url)
        system.worker(**NO_SWEEP)
        system.dispatch()
        trigger(system.gateway().url)
        system.wait_for_status("delivered", 1)
    begun = [attempt["started_at"] for attempt in system.attempts()]
    first, second = [(later - earlier).total_seconds() for earlier, later in pairwise(begun)]
    assert first >= 2
    assert second >= 4


def test_killed_and_empty_again(system: System, mortal: RabbitMQ) -> None:
    """503 that says which, the heartbeat kept with the error, nothing lost; delivered once RabbitMQ is back."""
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        gateway = system.gateway()
        worker = system.worker(processes=2)
        system.dispatch(3)
        system.wait_for_status("delivered", 3)
        assert mortal.child is not None
        assert worker.child is not None
        # a drain that has not ended yet would find the rows without the broker
        os.killpg(worker.child.process.pid, signal.SIGSTOP)
        mortal.child.kill()
        system.dispatch(3)
        response = trigger(gateway.url)
        os.killpg(worker.child.process.pid, signal.SIGCONT)
        assert (response.status_code, response.json()["unavailable"]) == (503, "rabbitmq")
        assert response.json()["detail"] == "RabbitMQ did not accept the jobs (AMQPConnectionError); nothing is lost"
        run = system.db.execute("select * from public.webhook_dispatcher_runs").fetchone()
        assert run is not None
        assert "RabbitMQ did not" in run["error"]
        ready = httpx.get(f"{gateway.url}/readyz", trust_env=False, timeout=30)
        assert (ready.status_code, ready.json()["unavailable"]) == (503, "rabbitmq")
        assert httpx.get(f"{gateway.url}/healthz", trust_env=False).status_code == 200
        mortal.start()
        system.wait_for_status("delivered", 6)
        assert httpx.get(f"{gateway.url}/readyz", trust_env=False).status_code == 200
        system.dispatch(3)
        assert trigger(gateway.url).status_code == 202
        system.wait_for_status("delivered", 9)
        assert len({r.headers["webhook-id"] for r in receiver.received}) == len(receiver.received) == 9
    worker.stop()
    logs = "".join(log.read_text() for log in (*system.logs.glob("worker*.log"), *system.logs.glob("gateway.log")))
    assert "the sweep works again" in logs
    assert "guest:guest" not in logs
    assert "Traceback" not in logs


def test_purged(system: System, rabbitmq: RabbitMQ) -> None:
    """Jobs that wait and jobs for later are thrown away: the sweep finds the rows."""
    statuses = iter([500] * 3)
    with Receiver(answer=lambda _: Reply(next(statuses, 200))) as receiver:
        system.endpoint(receiver.url)
        system.dispatch(3)
        trigger(system.gateway().url)
        assert purge(rabbitmq) == 1
        first = system.worker()
        system.wait(lambda: len(receiver.received) == 3)
        system.wait(lambda: len(system.attempts()) == 3)
        first.stop()
        purge(rabbitmq)
        system.worker()
        system.wait_for_status("delivered", 3)
    assert all(row["attempts"] == 2 for row in system.rows())
