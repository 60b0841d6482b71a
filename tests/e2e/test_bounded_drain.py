"""`POST /functions/v1/webhook-dispatcher?drain=N`: what a caller gets, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from devstack.receiver import Received, Receiver, Reply
from tests.e2e.conftest import TOKEN

if TYPE_CHECKING:
    from devstack.services import Gateway
    from tests.e2e.conftest import System

#: What a busy machine adds to a time that is promised, in seconds.
SLACK = 10.0

COUNTS = ("claimed", "delivered", "failed", "pending", "released")


def call(gateway: Gateway, token: str = TOKEN, **query: str) -> httpx.Response:
    """Call the dispatcher."""
    url = f"{gateway.url}/functions/v1/webhook-dispatcher"
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(url, params=query, headers=headers, trust_env=False, timeout=60)


def counts(response: httpx.Response) -> dict[str, int]:
    """Return what became of the deliveries."""
    assert response.status_code == 202, response.text
    return {name: response.json()[name] for name in COUNTS}


def runs(system: System) -> list[dict[str, Any]]:
    """Return the cron's heartbeats."""
    return system.db.execute("select * from public.webhook_dispatcher_runs order by started_at").fetchall()


def leased(system: System) -> int:
    """Return how many deliveries are leased."""
    row = system.db.execute("select count(*) as n from webhooks.delivery_queue where lease_id is not null").fetchone()
    return int(row["n"])  # type: ignore[index]


@pytest.fixture
def gateway(system: System) -> Gateway:
    """A gateway without a broker, whose attempts take two seconds at most."""
    system.variables = {"REDIS_URL": "", "WEBHOOKS_TIMEOUT_SECONDS": "2"}
    return system.standing_gateway()


@pytest.mark.parametrize("query", [{}, {"drain": "20"}], ids=["plain", "drain"])
def test_what_a_call_returns(system: System, gateway: Gateway, query: dict[str, str]) -> None:
    """The run, as ever, and what it did; with nothing due it returns at once."""
    statuses = {"/well": 200, "/gone": 410, "/ill": 500}
    with Receiver(answer=lambda request: Reply(statuses[request.path])) as receiver:
        for path in statuses:
            system.endpoint(f"{receiver.url}{path}", max_attempts=1 if path == "/ill" else 3)
        system.dispatch(2)
        response = call(gateway, **query)
        assert counts(response) == {"claimed": 6, "delivered": 2, "failed": 4, "pending": 0, "released": 0}
        assert (response.json()["due"], response.json()["enqueued"]) == (6, 0)
        (run,) = runs(system)
        assert response.json()["run_id"] == str(run["id"])
        assert (run["due"], run["enqueued"], run["error"]) == (6, 0, None)
        assert run["finished_at"] is not None
        assert counts(call(gateway, **query)) == dict.fromkeys(COUNTS, 0)
    assert leased(system) == 0


def test_who_may_call(system: System, gateway: Gateway) -> None:
    """As without it: nothing is delivered for others."""
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.dispatch()
        for token in ("wrong", system.supabase.keys.publishable):
            assert call(gateway, token, drain="20").status_code == 403
        assert receiver.received == []


@pytest.mark.parametrize("drain", ["0", "-1", "901", "x", "1", "3"])
def test_a_time_that_does_not_do_is_rejected(system: System, gateway: Gateway, drain: str) -> None:
    """One that is too short for an attempt names how long it must be, and the setting."""
    response = call(gateway, drain=drain)
    assert response.status_code == 400
    if drain in {"1", "3"}:
        assert "drain for 4 s or more" in response.json()["detail"]
        assert "WEBHOOKS_TIMEOUT_SECONDS" in response.json()["detail"]
    assert runs(system) == []


def test_its_time_is_bounded(system: System, gateway: Gateway) -> None:
    """More than it can deliver, receivers that do not respond: it returns in time, and holds nothing afterwards."""
    release = threading.Event()

    def respond(request: Received) -> Reply:
        if request.path == "/silent":
            release.wait(60)
        else:
            time.sleep(0.2)
        return Reply()

    with Receiver(answer=respond) as receiver:
        system.endpoint(f"{receiver.url}/silent")
        system.endpoint(f"{receiver.url}/slow", max_concurrency=4)
        system.dispatch(500)
        began = time.monotonic()
        done = counts(call(gateway, drain="6"))
        assert time.monotonic() - began < 6 + SLACK
        release.set()
    assert leased(system) == 0
    statuses = [row["status"] for row in system.rows()]
    assert statuses.count("processing") == 0
    assert statuses.count("delivered") == done["delivered"] > 0
    assert done["claimed"] == done["delivered"] + done["pending"] + done["failed"] + done["released"]
    assert {a["error"] for a in system.attempts()} == {None, "no complete response within 2 s"}


def test_a_longer_timeout_of_an_endpoint_is_cut_and_logged(system: System, gateway: Gateway) -> None:
    """To what the drain leaves: the attempt is recorded as one."""
    release = threading.Event()

    def respond(_: Received) -> Reply:
        release.wait(60)
        return Reply()

    with Receiver(answer=respond) as receiver:
        endpoint = system.endpoint(receiver.url, timeout_seconds=60, max_attempts=1)
        system.dispatch(2)
        assert counts(call(gateway, drain="5"))["failed"] == 2
        release.set()
    (error,) = {attempt["error"] for attempt in system.attempts()}
    assert error.startswith("no complete response within ")
    assert 1 < float(error.split()[-2]) <= 3
    assert gateway.child
    assert gateway.child.log.read_text().count(f"endpoint {endpoint} has a timeout of 60 s") == 1


def test_drains_at_the_same_time_share_the_work(system: System) -> None:
    """Four of them, in two processes: each delivery is claimed by one."""
    system.variables = {"REDIS_URL": ""}
    gateway, other = system.gateway(), system.gateway()
    with Receiver() as receiver:
        for n in range(3):
            system.endpoint(f"{receiver.url}/{n}")
        system.dispatch(200)
        with ThreadPoolExecutor(4) as pool:
            done = [*pool.map(lambda one: counts(call(one, drain="40")), [gateway, other, gateway, other])]
    assert {attempt["error"] for attempt in system.attempts()} == {None}
    assert sum(one["claimed"] for one in done) == sum(one["delivered"] for one in done) == 600
    assert sum(one["claimed"] > 0 for one in done) > 1
    assert len({r.headers["webhook-id"] for r in receiver.received}) == len(receiver.received) == 600


def test_it_waits_for_a_retry_that_fits(system: System, gateway: Gateway) -> None:
    """With time for it the second attempt, after 2 s, is of the same call."""
    seen: list[str] = []

    def respond(request: Received) -> Reply:
        seen.append(request.path)
        return Reply(500 if len(seen) == 1 else 200)

    with Receiver(answer=respond) as receiver:
        system.endpoint(receiver.url)
        system.dispatch()
        assert counts(call(gateway, drain="20")) == {
            "claimed": 2, "delivered": 1, "failed": 0, "pending": 1, "released": 0,
        }  # fmt: skip


def test_a_wake_up_is_no_heartbeat_and_looks_again(system: System, gateway: Gateway) -> None:
    """What is dispatched a moment after it began is delivered too: the database sends no second one so soon."""
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.dispatch()
        with ThreadPoolExecutor(1) as pool:
            woken = pool.submit(call, gateway, drain="20", heartbeat="false")
            receiver.wait_for(1)
            time.sleep(0.5)
            system.dispatch()
            response = woken.result()
    assert counts(response)["delivered"] == 2
    assert response.json()["run_id"] is None
    assert runs(system) == []


def test_upkeep_is_done_where_there_are_no_workers(system: System) -> None:
    """What is older than its retention is deleted by the cron's call, not by a wake-up."""
    gateway = system.gateway(REDIS_URL="", WEBHOOKS_RETENTION_DAYS=str(1 / 86_400))
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.dispatch()
        assert counts(call(gateway, drain="20", heartbeat="false"))["delivered"] == 1
        time.sleep(1)
        call(gateway, drain="20", heartbeat="false")
        assert len(system.rows()) == 1
        call(gateway)
    assert system.rows() == []


def test_why_nothing_is_claimed_is_said(system: System, gateway: Gateway) -> None:
    """A copied database, held until someone confirms it: the cron fails, and the run has the reason."""
    system.db.execute("update webhooks.installation set project = 'another.supabase.co'")
    system.endpoint("http://127.0.0.1:9/")
    system.dispatch()
    response = call(gateway, drain="20")
    assert response.status_code == 502
    assert "webhooks adopt" in response.json()["detail"]
    assert "webhooks adopt" in runs(system)[0]["error"]


@pytest.mark.parametrize("times", [1, 3])
def test_a_signal_ends_it_in_order(system: System, times: int) -> None:
    """Claims stop at once, what is in flight finishes, the caller gets the response, nothing stays leased."""
    system.variables = {"REDIS_URL": "", "WEBHOOKS_TIMEOUT_SECONDS": "5", "WEBHOOKS_SHUTDOWN_SECONDS": "8",
                        "WEBHOOKS_CONCURRENCY": "10", "WEBHOOKS_BATCH_SIZE": "5"}  # fmt: skip
    gateway = system.gateway()

    def respond(_: Received) -> Reply:
        time.sleep(0.3)
        return Reply()

    with Receiver(answer=respond) as receiver:
        system.endpoint(receiver.url)
        system.dispatch(500)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(call, gateway, drain="60")
            receiver.wait_for(15)
            assert gateway.child
            for _ in range(times):
                os.killpg(gateway.child.pid, signal.SIGTERM)
                time.sleep(0.1)
            done = counts(running.result())
        gateway.child.process.wait(8 + SLACK)
        assert done["delivered"] == len(receiver.received) < 500
    assert [row["status"] for row in system.rows()].count("delivered") == done["delivered"]
    assert leased(system) == 0
    assert {a["error"] for a in system.attempts()} == {None}


def test_a_cut_off_request_gives_back_what_is_in_flight(system: System) -> None:
    """A silent receiver when the grace period ends: its deliveries are due again, without an attempt."""
    system.variables = {"REDIS_URL": "", "WEBHOOKS_TIMEOUT_SECONDS": "20", "WEBHOOKS_SHUTDOWN_SECONDS": "5"}
    gateway = system.gateway()
    arrived, release = threading.Semaphore(0), threading.Event()

    def respond(_: Received) -> Reply:
        arrived.release()
        release.wait(60)
        return Reply()

    with Receiver(answer=respond) as receiver:
        system.endpoint(receiver.url)
        system.dispatch(3)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(call, gateway, drain="60")
            for _ in range(3):
                assert arrived.acquire(timeout=20)
            assert gateway.child
            os.killpg(gateway.child.pid, signal.SIGTERM)
            gateway.child.process.wait(5 + SLACK)
            assert running.result().status_code == 500
        release.set()
    assert [(row["status"], row["attempts"]) for row in system.rows()] == [("pending", 0)] * 3
    assert leased(system) == 0
    assert system.attempts() == []
