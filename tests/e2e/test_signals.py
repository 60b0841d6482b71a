"""Signals: however often and to whomever they go, nothing is lost, doubled or blamed on a receiver."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from devstack.receiver import Received, Receiver, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devstack.processes import Child
    from tests.e2e.conftest import System

#: The grace period of these tests; its end is certain within a second or two of a busy machine.
GRACE = "6"


def to_all(child: Child, number: int) -> None:
    """Signal the whole process group, as systemd, Heroku, `timeout` and a terminal do."""
    os.killpg(child.pid, number)


def to_the_first(child: Child, number: int) -> None:
    """Signal the process that was started, as `kill` does."""
    os.kill(child.pid, number)


@pytest.mark.parametrize(
    ("send", "number", "times"),
    [
        (to_all, signal.SIGTERM, 1),
        (to_all, signal.SIGTERM, 4),
        (to_all, signal.SIGHUP, 2),
        (to_all, signal.SIGINT, 3),
        (to_the_first, signal.SIGTERM, 3),
        (to_the_first, signal.SIGHUP, 1),
        (to_the_first, signal.SIGHUP, 2),
    ],
)
def test_workers_end_in_order(system: System, send: Callable[[Child, int], None], number: int, times: int) -> None:
    """Under load: claims stop, what is in flight finishes, the rest stays pending, no attempt fails."""

    def respond(_: Received) -> Reply:
        time.sleep(0.3)
        return Reply()

    with Receiver(answer=respond) as receiver:
        for n in range(4):
            system.endpoint(f"{receiver.url}/{n}")
        system.dispatch(60)
        worker = system.worker(
            processes=2, WEBHOOKS_SHUTDOWN_SECONDS=GRACE, WEBHOOKS_CONCURRENCY="20", WEBHOOKS_BATCH_SIZE="10"
        )
        receiver.wait_for(20)
        assert worker.child
        for n in range(times):
            if n:
                time.sleep(0.4)
            if worker.child.running():
                send(worker.child, number)
        worker.child.process.wait(float(GRACE) + 2)
        sent = len(receiver.received)
        with pytest.raises(ProcessLookupError):
            os.killpg(worker.child.pid, 0)
        statuses = [row["status"] for row in system.rows()]
        assert statuses.count("delivered") == sent == len({r.headers["webhook-id"] for r in receiver.received})
        assert statuses.count("pending") == len(statuses) - sent > 0
        assert [attempt["error"] for attempt in system.attempts() if attempt["error"]] == []
        log = worker.child.log.read_text()
        assert "Traceback" not in log, log


@pytest.mark.parametrize(
    ("number", "times"),
    [(signal.SIGTERM, 1), (signal.SIGTERM, 4), (signal.SIGHUP, 2), (signal.SIGINT, 3)],
)
def test_one_process_ends_in_order(system: System, number: int, times: int) -> None:
    """The same of `webhooks serve`, while it also has a request in progress that gets its response."""

    def respond(_: Received) -> Reply:
        time.sleep(0.3)
        return Reply()

    with Receiver(answer=respond) as receiver:
        for n in range(4):
            system.endpoint(f"{receiver.url}/{n}")
        system.dispatch(60)
        serve = system.serve(WEBHOOKS_SHUTDOWN_SECONDS=GRACE, WEBHOOKS_CONCURRENCY="20", WEBHOOKS_BATCH_SIZE="10")
        assert serve.child
        with half_a_request(system, serve.port) as finish:
            receiver.wait_for(20)
            for n in range(times):
                if n:
                    time.sleep(0.2)
                if serve.child.running():
                    to_all(serve.child, number)
            assert finish().startswith(b"HTTP/1.1 20")
        serve.child.process.wait(float(GRACE) + 2)
        sent = len(receiver.received)
        statuses = [row["status"] for row in system.rows()]
        assert statuses.count("delivered") == sent == len({r.headers["webhook-id"] for r in receiver.received})
        assert statuses.count("pending") == len(statuses) - sent > 0
        assert [attempt["error"] for attempt in system.attempts() if attempt["error"]] == []
        log = serve.child.log.read_text()
        assert "Traceback" not in log, log


def test_one_process_gives_back_what_takes_longer(system: System) -> None:
    """Of a silent receiver; and a request that never ends does not keep it either."""
    arrived, release = threading.Semaphore(0), threading.Event()

    def respond(_: Received) -> Reply:
        arrived.release()
        release.wait(30)
        return Reply()

    with Receiver(answer=respond) as receiver:
        system.endpoint(receiver.url)
        system.dispatch(3)
        serve = system.serve(WEBHOOKS_SHUTDOWN_SECONDS="4")
        assert serve.child
        for _ in range(3):
            assert arrived.acquire(timeout=20)
        with half_a_request(system, serve.port):
            to_all(serve.child, signal.SIGTERM)
            serve.child.process.wait(6)
        release.set()
    assert [(row["status"], row["attempts"]) for row in system.rows()] == [("pending", 0)] * 3
    assert system.attempts() == []


@contextmanager
def half_a_request(system: System, port: int) -> Iterator[Callable[[], bytes]]:
    """Begin a call of the dispatcher; lend what finishes it and returns the response."""
    body = b"{}"
    head = (
        f"POST /functions/v1/webhook-dispatcher HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {system.settings()['WEBHOOKS_DISPATCH_TOKEN']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(head.encode() + body[:1])
        time.sleep(0.3)

        def finish() -> bytes:
            client.sendall(body[1:])
            return client.recv(1000)

        yield finish


def test_what_takes_longer_than_the_grace_period_is_given_back(system: System) -> None:
    """A silent receiver: the attempt is cut off, its row is due again at once, and the process ends in time."""
    arrived, release = threading.Semaphore(0), threading.Event()

    def respond(_: Received) -> Reply:
        arrived.release()
        release.wait(30)
        return Reply()

    with Receiver(answer=respond) as receiver:
        system.endpoint(receiver.url)
        system.dispatch(3)
        worker = system.worker(WEBHOOKS_SHUTDOWN_SECONDS="2")
        for _ in range(3):
            assert arrived.acquire(timeout=20)
        assert worker.child
        to_all(worker.child, signal.SIGTERM)
        # far less than the receiver's silence
        worker.child.process.wait(10)
        assert system.attempts() == []
        assert [(row["status"], row["attempts"]) for row in system.rows()] == [("pending", 0)] * 3
        assert system.attempts() == []
        release.set()
        system.worker()
        system.wait_for_status("delivered", 3)
    assert [row["attempts"] for row in system.rows()] == [1] * 3


def test_a_process_that_hangs_is_ended(system: System) -> None:
    """The broker stopped in mid sentence: no thread that waits for it keeps the process."""
    worker = system.worker(WEBHOOKS_SHUTDOWN_SECONDS="2")
    assert worker.child
    assert system.valkey.child
    os.kill(system.valkey.child.pid, signal.SIGSTOP)
    try:
        time.sleep(1.5)
        to_all(worker.child, signal.SIGTERM)
        worker.child.process.wait(6)
    finally:
        os.kill(system.valkey.child.pid, signal.SIGCONT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_gateway_finishes_its_requests(system: System, number: int) -> None:
    """A request whose body still arrives when the third signal comes gets its response."""
    gateway = system.gateway(WEBHOOKS_SHUTDOWN_SECONDS=GRACE)
    assert gateway.child
    with half_a_request(system, gateway.port) as finish:
        for _ in range(3):
            to_all(gateway.child, number)
            time.sleep(0.2)
        assert finish().startswith(b"HTTP/1.1 20")
    gateway.child.process.wait(float(GRACE) + 2)


def test_a_stalled_request_does_not_keep_the_gateway(system: System) -> None:
    """A body that never ends: the gateway ends within its grace period."""
    gateway = system.gateway(WEBHOOKS_SHUTDOWN_SECONDS="2")
    assert gateway.child
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(b"POST /functions/v1/test-webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        time.sleep(0.3)
        to_the_first(gateway.child, signal.SIGTERM)
        gateway.child.process.wait(5)
