"""The ways to run the system: one suite passes on each.

Redis with two workers; `webhooks serve` without a broker; `?drain=` by uvicorn and a plain call by Mangum, each with
its process frozen between requests.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from devstack.receiver import Received, Receiver, Reply
from tests.e2e.frozen import SECONDS, Frozen, serverless

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import System

#: Settings of all: an attempt of two seconds leaves a drain of six some time to claim.
POLICY = {
    "WEBHOOKS_TIMEOUT_SECONDS": "2",
    "WEBHOOKS_CIRCUIT_RESET_SECONDS": "3",
    "WEBHOOKS_BATCH_SIZE": "20",
    "WEBHOOKS_CONCURRENCY": "20",
}


def with_redis(system: System) -> None:
    """A gateway, and two workers of two processes."""
    system.gateway()
    for _ in range(2):
        system.worker(processes=2)


def with_serve(system: System) -> None:
    """One process."""
    system.serve()


def with_uvicorn(system: System) -> None:
    """A gateway that only the cron's calls thaw."""
    gateway = system.gateway(REDIS_URL="")
    system.exit.enter_context(Frozen(gateway, f"?drain={SECONDS}"))


def with_mangum(system: System) -> None:
    """The same under Mangum, by calls without parameters."""
    gateway = serverless(system.settings(), system.logs / "serverless.log")
    system.exit.callback(gateway.stop)
    gateway.start()
    system.exit.enter_context(Frozen(gateway))


@pytest.fixture(params=[with_redis, with_serve, with_uvicorn, with_mangum], ids=["redis", "serve", "drain", "mangum"])
def start(request: pytest.FixtureRequest, system: System) -> Callable[[], None]:
    """What starts the system."""
    system.variables = POLICY
    return lambda: request.param(system)


def test_events_arrive(system: System, start: Callable[[], None]) -> None:
    """At each endpoint that subscribes, once, with both signatures; those that come while it runs, too."""
    with Receiver() as receiver:
        for n in range(3):
            system.endpoint(f"{receiver.url}/{n}")
        system.endpoint(f"{receiver.url}/other", events="{user.posted_comment}")
        system.dispatch(30)
        start()
        system.wait_for_status("delivered", 90)
        system.dispatch(10)
        system.wait_for_status("delivered", 120)
    assert Counter(request.path for request in receiver.received) == {"/0": 40, "/1": 40, "/2": 40}
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 120
    assert all(request.verified(system.secret) for request in receiver.received)
    assert {(a["number"], a["response_status"], a["error"]) for a in system.attempts()} == {(1, 200, None)}


def test_failures_are_retried(system: System, start: Callable[[], None]) -> None:
    """After 2 s and 4 s at the earliest; the third failure is the last; another endpoint does not wait for them."""
    seen: Counter[str] = Counter()

    def respond(request: Received) -> Reply:
        seen[request.path] += 1
        return Reply(200 if request.path == "/well" or (request.path == "/late" and seen["/late"] == 3) else 500)

    with Receiver(answer=respond) as receiver:
        for path in ("well", "late", "never"):
            system.endpoint(f"{receiver.url}/{path}")
        system.dispatch()
        start()
        system.wait_for_status("delivered", 2)
        system.wait_for_status("failed", 1)
    assert seen == {"/well": 1, "/late": 3, "/never": 3}
    started: dict[str, list[float]] = {}
    for attempt in system.attempts():
        started.setdefault(str(attempt["delivery_id"]), []).append(attempt["started_at"].timestamp())
    waits = [[b - a for a, b in pairwise(times)] for times in started.values() if len(times) > 1]
    assert len(waits) == 2
    assert all(first >= 2 and second >= 4 for first, second in waits), waits


def test_a_circuit_opens_and_closes(system: System, start: Callable[[], None]) -> None:
    """Open, it costs its deliveries no attempts; one request tries; what waited goes out when it has closed."""
    healthy = threading.Event()

    def respond(_: Received) -> Reply:
        return Reply(200 if healthy.is_set() else 500)

    def state() -> str:
        row = system.db.execute("select state from public.webhook_circuits").fetchone()
        return str(row["state"])  # type: ignore[index]

    with Receiver(answer=respond) as receiver:
        system.endpoint(receiver.url, max_attempts=20)
        system.dispatch(200)
        start()
        system.wait(lambda: state() == "open")
        system.wait_for_status("processing", 0)
        # four processes with 20 in flight each
        assert len(receiver.received) <= 80
        before = len(receiver.received)
        system.wait(lambda: len(receiver.received) > before)
        assert len(receiver.received) == before + 1
        system.wait_for_status("processing", 0)
        healthy.set()
        system.wait_for_status("delivered", 200, seconds=90)
        assert state() == "closed"


def test_limits_hold(system: System, start: Callable[[], None]) -> None:
    """Two at once at most, however many processes or requests deliver."""
    lock = threading.Lock()
    now = most = 0

    def respond(_: Received) -> Reply:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return Reply()

    with Receiver(answer=respond) as receiver:
        system.endpoint(receiver.url, max_concurrency=2)
        system.dispatch(40)
        start()
        system.wait_for_status("delivered", 40)
    assert most == 2


def test_a_silent_receiver_is_an_attempt(system: System, start: Callable[[], None]) -> None:
    """It is recorded when its time is over, and keeps no one else waiting for longer than that."""
    release = threading.Event()

    def respond(request: Received) -> Reply:
        if request.path == "/silent":
            release.wait(60)
        return Reply()

    with Receiver(answer=respond) as receiver:
        system.endpoint(f"{receiver.url}/silent", max_attempts=1)
        system.endpoint(f"{receiver.url}/well")
        system.dispatch(3)
        start()
        system.wait_for_status("delivered", 3)
        system.wait_for_status("failed", 3)
        release.set()
    errors = {attempt["error"] for attempt in system.attempts() if attempt["error"]}
    assert errors == {"no complete response within 2 s"}
