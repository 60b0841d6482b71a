"""`webhooks serve`: gateway and workers in one process, without a broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from devstack.receiver import Received, Receiver, Reply
from devstack.services import Serve
from tests.e2e.conftest import TOKEN, trigger

if TYPE_CHECKING:
    from tests.e2e.conftest import System

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def test_the_gateway_wakes_the_worker(system: System) -> None:
    """Without sweep or listener: the cron's call and a test delivery go out at once, the cron's as one job."""
    with Receiver() as receiver:
        endpoint = system.endpoint(receiver.url)
        serve = system.serve(WEBHOOKS_SWEEP_SECONDS="0")
        system.dispatch(5)
        answer = trigger(serve.url)
        assert answer.status_code == 202
        assert (answer.json()["due"], answer.json()["enqueued"]) == (5, 1)
        system.wait_for_status("delivered", 5)
        url = f"{serve.url}/functions/v1/test-webhook"
        httpx.post(url, json={"webhook_config_id": endpoint}, headers=HEADERS, trust_env=False).raise_for_status()
        system.wait_for_status("delivered", 6)


def test_the_database_wakes_the_worker(system: System) -> None:
    """By the listener, long before the sweep; a retry's time comes without a broker too."""
    seen: list[str] = []

    def answer(request: Received) -> Reply:
        seen.append(request.path)
        return Reply(500 if len(seen) == 1 else 200)

    with Receiver(answer=answer) as receiver:
        system.endpoint(receiver.url)
        serve = system.serve(WEBHOOKS_SWEEP_SECONDS="600", WEBHOOKS_DATABASE_URL=system.dsn)
        assert serve.child
        system.wait(lambda: "listening for new deliveries" in serve.child.log.read_text())  # type: ignore[union-attr]
        system.dispatch()
        system.wait_for_status("delivered", 1)
    assert len(seen) == 2


def test_probes_and_metrics(system: System) -> None:
    """Ready without a broker; the figures of both parts are at one address."""
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        serve = system.serve()
        system.dispatch(3)
        system.wait_for_status("delivered", 3)
        assert httpx.get(f"{serve.url}/readyz", trust_env=False).json() == {"status": "ready"}
        shown = httpx.get(f"{serve.url}/metrics", headers=HEADERS, trust_env=False).text
    assert 'webhooks_attempts_total{outcome="delivered",scheme="http"} 3.0' in shown
    assert "webhooks_gateway_requests_total" in shown
    assert "webhooks_backlog_due 0.0" in shown


def test_a_broker_is_not_used_and_it_says_so(system: System) -> None:
    """One that is away costs nothing."""
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        serve = Serve(system.settings(REDIS_URL="redis://127.0.0.1:9"), log=system.logs / "serve.log")
        system.exit.callback(serve.stop)
        serve.start()
        system.dispatch()
        system.wait_for_status("delivered", 1)
        assert serve.child
        assert "the broker is not used" in serve.child.log.read_text()


def test_two_of_them_share_the_work(system: System) -> None:
    """Side by side, on two hosts or while one replaces the other: each delivery goes out once."""
    with Receiver() as receiver:
        for n in range(4):
            system.endpoint(f"{receiver.url}/{n}")
        system.dispatch(200)
        system.serve()
        system.serve()
        system.wait_for_status("delivered", 800)
    assert len({r.headers["webhook-id"] for r in receiver.received}) == len(receiver.received) == 800
