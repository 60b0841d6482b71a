"""What must not go wrong: duplicates, losses, and rows that get stuck."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import redis

from devstack.receiver import Received, Receiver, Reply
from devstack.shop import LOOPBACK
from devstack.valkey import Valkey
from tests.conftest import quiet
from tests.e2e.conftest import trigger

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import System

BACKLOG = """
insert into public.webhook_deliveries (webhook_config_id, event_type, payload)
select e.id, 'user.joined_community', '{}' from unnest(%s::uuid[]) as e (id), generate_series(1, 10)
"""


def test_each_row_once(system: System) -> None:
    """Two gateways, ten worker processes with a sweep each, a cron that fires twice: 600 rows, 600 requests."""
    with Receiver() as receiver:
        for n in range(3):
            system.endpoint(f"{receiver.url}/{n}")
        system.dispatch(200)
        gateways = [system.gateway(), system.gateway()]
        for _ in range(2):
            system.worker(processes=5)
        for gateway in gateways * 2:
            assert trigger(gateway.url).status_code == 202
        system.wait_for_status("delivered", 600)
        ids = Counter(request.headers["webhook-id"] for request in receiver.received)
    assert len(ids) == 600
    assert set(ids.values()) == {1}
    assert all(row["attempts"] == 1 for row in system.rows())


def test_retries_do_not_wait_for_the_cron(system: System) -> None:
    """With the sweep off and one trigger: attempts at once, after 2 s and after 4 s; same webhook-id, new signature."""
    statuses = iter([500, 503, 200])
    with Receiver(answer=lambda _: Reply(next(statuses))) as receiver:
        system.endpoint(receiver.url)
        system.worker(WEBHOOKS_SWEEP_SECONDS="0")
        system.dispatch()
        trigger(system.gateway().url)
        system.wait_for_status("delivered", 1)
        requests = receiver.received
    attempts = system.attempts()
    assert [a["response_status"] for a in attempts] == [500, 503, 200]
    assert (attempts[1]["started_at"] - attempts[0]["started_at"]).total_seconds() >= 2
    assert (attempts[2]["started_at"] - attempts[1]["started_at"]).total_seconds() >= 4
    assert len({r.headers["webhook-id"] for r in requests}) == 1
    assert len({r.headers["webhook-timestamp"] for r in requests}) == 3
    assert all(r.verified(system.secret) for r in requests)


def test_three_failures_and_it_has_failed(system: System) -> None:
    """The row and the log say why."""
    with Receiver(answer=lambda _: Reply(500, b"broken")) as receiver:
        system.endpoint(receiver.url)
        system.worker()
        system.dispatch()
        system.wait_for_status("failed", 1)
        assert len(receiver.received) == 3
    (row,) = system.rows()
    assert (row["attempts"], row["error_message"], row["response_body"]) == (
        3,
        "HTTP 500 Internal Server Error",
        "broken",
    )


def test_410_disables_the_endpoint(system: System) -> None:
    """One attempt, and the endpoint is off with a reason."""
    with Receiver(answer=lambda _: Reply(410)) as receiver:
        system.endpoint(receiver.url)
        system.worker()
        system.dispatch()
        system.wait_for_status("failed", 1)
        assert len(receiver.received) == 1
    endpoint = system.db.execute("select * from public.webhook_configurations").fetchone()
    assert endpoint is not None
    assert (endpoint["is_active"], endpoint["disabled_reason"]) == (False, "the endpoint returned 410 Gone")


def test_a_worker_killed_in_mid_delivery(system: System) -> None:
    """SIGKILL: the row is delivered after its lease, with the same webhook-id."""
    first = threading.Event()
    release = threading.Event()

    def answer(_: Received) -> Reply:
        if not first.is_set():
            first.set()
            release.wait(30)
        return Reply()

    with Receiver(answer=answer) as receiver:
        system.endpoint(receiver.url)
        system.dispatch()
        worker = system.worker(WEBHOOKS_TIMEOUT_SECONDS="2", WEBHOOKS_LEASE_SECONDS="4")
        assert first.wait(30)
        assert worker.child is not None
        worker.child.kill()
        assert system.rows()[0]["status"] == "processing"
        system.worker()
        system.wait_for_status("delivered", 1)
        release.set()
        requests = receiver.wait_for(2)
    assert len(requests) == 2
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert system.rows()[0]["attempts"] == 1, "the attempt that was not recorded is not counted"


def test_sigterm_finishes_what_is_in_flight(system: System) -> None:
    """What was sent is recorded, what was not is given back, and the process ends."""
    arrived = threading.Semaphore(0)

    def answer(_: Received) -> Reply:
        arrived.release()
        threading.Event().wait(1)
        return Reply()

    with Receiver(answer=answer) as receiver:
        system.endpoint(receiver.url)
        system.dispatch(30)
        worker = system.worker(WEBHOOKS_BATCH_SIZE="10", WEBHOOKS_CONCURRENCY="10")
        for _ in range(10):
            assert arrived.acquire(timeout=30)
        assert worker.child is not None
        os.kill(worker.child.pid, signal.SIGTERM)
        worker.child.process.wait(30)
        statuses = Counter(row["status"] for row in system.rows())
        assert statuses["processing"] == 0
        assert statuses["delivered"] == len(receiver.received)
        assert statuses["delivered"] + statuses["pending"] == 30
        system.worker()
        system.wait_for_status("delivered", 30)
        assert len({r.headers["webhook-id"] for r in receiver.received}) == len(receiver.received) == 30


def test_a_silent_endpoint_does_not_hold_the_others(system: System) -> None:
    """While one endpoint keeps its request open, another's deliveries go out."""
    release = threading.Event()

    def answer(request: Received) -> Reply:
        if request.path == "/silent":
            release.wait(30)
        return Reply()

    with Receiver(answer=answer) as receiver:
        system.endpoint(f"{receiver.url}/silent", "{user.joined_community}")
        system.worker()
        system.dispatch()
        system.wait_for_status("processing", 1)
        system.endpoint(f"{receiver.url}/quick", "{user.joined_community}")
        system.dispatch(5)
        system.wait_for_status("delivered", 5)
        release.set()


def test_redis_away_and_wiped(system: System, tmp_path: Path) -> None:
    """503 that says which, the heartbeat kept with the error, nothing lost; delivered once Redis is back, empty."""
    system.valkey = Valkey(tmp_path, say=quiet)
    system.valkey.start()
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        gateway = system.gateway()
        system.worker()
        assert system.valkey.child is not None
        system.valkey.child.kill()
        system.dispatch(3)
        answer = trigger(gateway.url)
        assert (answer.status_code, answer.json()["unavailable"]) == (503, "redis")
        assert "nothing is lost" in answer.json()["detail"]
        run = system.db.execute("select * from public.webhook_dispatcher_runs").fetchone()
        assert run is not None
        assert "Redis did not" in run["error"]
        assert httpx.get(f"{gateway.url}/readyz", trust_env=False, timeout=30).status_code == 503
        assert httpx.get(f"{gateway.url}/healthz", trust_env=False).status_code == 200
        system.valkey.start()
        system.wait_for_status("delivered", 3)
        client = redis.Redis.from_url(system.valkey.url)
        client.flushall()
        client.close()
        system.dispatch(3)
        system.wait_for_status("delivered", 6)
    system.exit.callback(system.valkey.stop)


def test_the_rest_server_away(system: System) -> None:
    """503 that says which; what was in flight is recorded once it is back, and nothing is sent twice."""
    arrived, release = threading.Event(), threading.Event()

    def answer(_: Received) -> Reply:
        arrived.set()
        release.wait(30)
        return Reply()

    with Receiver(answer=answer) as receiver:
        system.endpoint(receiver.url)
        gateway = system.gateway()
        system.worker()
        system.dispatch()
        assert arrived.wait(30)
        assert system.supabase.child is not None
        system.supabase.child.kill()
        release.set()
        response = trigger(gateway.url)
        assert (response.status_code, response.json()["unavailable"]) == (503, "supabase")
        system.supabase.start()
        system.wait_for_status("delivered", 1)
        assert len(receiver.received) == 1


def test_a_tenants_slow_receivers_do_not_hold_up_others(system: System) -> None:
    """A customer has a dozen endpoints that respond to nothing, each with a backlog: another's delivery goes out."""
    go_on = threading.Event()

    def answer(request: Received) -> Reply:
        if request.path.startswith("/slow"):
            go_on.wait(60)
        return Reply()

    system.db.execute(LOOPBACK)
    system.db.execute("update public.webhook_event_types set audience = 'customers'")
    arrived: list[Received] = []
    with Receiver(answer=answer, on_request=arrived.append) as receiver:
        slow = [system.endpoint(f"{receiver.url}/slow/{n}", tenant_id="slow", timeout_seconds=60) for n in range(12)]
        quick = system.endpoint(f"{receiver.url}/quick", tenant_id="quick")
        system.db.execute(BACKLOG, (slow,))
        try:
            system.worker(
                WEBHOOKS_CONCURRENCY="30", WEBHOOKS_ENDPOINT_CONCURRENCY="3", WEBHOOKS_BATCH_SIZE="10",
            )  # fmt: skip
            system.wait(lambda: len(arrived) >= 15)
            system.db.execute(BACKLOG, ([quick],))
            system.wait(lambda: sum(request.path == "/quick" for request in receiver.received) == 10)
            assert system.db.execute("select from public.webhook_deliveries where status = 'delivered'").rowcount >= 1
        finally:
            go_on.set()
        system.wait_for_status("delivered", 13 * 10)
