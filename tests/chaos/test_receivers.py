"""Receivers at fault: each delivery ends as delivered or failed, and the healthy one's are not held up."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from devstack.receiver import Receiver, Reply
from tests.chaos.conftest import FULL
from tests.chaos.world import World, memory, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.chaos.conftest import Report

EVENTS = 100 if FULL else 8
OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def raw_server(response: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve raw bytes, a thread a connection; `respond` is called once something has come."""

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                response(connection)
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)


def silent(connection: socket.socket) -> None:
    """Say nothing until the other side gives up."""
    connection.recv(65536)


def drip(connection: socket.socket) -> None:
    """A byte a second."""
    connection.sendall(OK + b"Content-Length: 1000\r\n\r\n")
    while True:
        time.sleep(1)
        connection.sendall(b"x")


def endless(connection: socket.socket) -> None:
    """A body without an end."""
    connection.sendall(OK + b"\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def reset(connection: socket.socket) -> None:
    """Close with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_hostile_receivers(directory: Path, report: Report) -> None:
    """Silence, dripping, endless bodies, bombs, redirects, resets and broken TLS: no row stays, no memory goes."""
    bomb = gzip.compress(b"\0" * 50_000_000)
    settings = {"WEBHOOKS_CIRCUIT_FAILURES": "10000", "WEBHOOKS_CIRCUIT_FAILURE_RATE": "2"}
    with World(directory / "chaos", workers=1, **settings) as world, ExitStack() as stack:
        elsewhere = stack.enter_context(Receiver())
        bombing = stack.enter_context(Receiver(answer=lambda _: Reply(200, bomb, {"Content-Encoding": "gzip"})))
        redirecting = stack.enter_context(Receiver(answer=lambda _: Reply(302, b"", {"Location": elsewhere.url})))
        expected = {
            f"{world.receiver.url}/": "delivered",
            f"{bombing.url}/": "delivered",
            stack.enter_context(raw_server(endless)): "delivered",
            stack.enter_context(raw_server(silent)): "failed",
            stack.enter_context(raw_server(drip)): "delivered",
            stack.enter_context(raw_server(reset)): "failed",
            f"{redirecting.url}/": "failed",
            f"{world.receiver.url}/".replace("http:", "https:"): "failed",
        }
        for url in expected:
            world.endpoint(url, max_attempts=2)
        begun = time.monotonic()
        world.dispatch(EVENTS)
        world.wait(lambda: world.unfinished() == 0)
        seconds = time.monotonic() - begun

        rows = world.rows()
        assert len(rows) == EVENTS * len(expected)
        assert {(row["url"], row["status"]) for row in rows} == set(expected.items())
        assert all(row["attempts"] == (1 if row["status"] == "delivered" else 2) for row in rows)
        healthy = [row["id"] for row in rows if row["url"] == f"{world.receiver.url}/"]
        assert all(world.seen[one] == 1 for one in healthy)
        assert elsewhere.received == []
        peak = max(memory(pid, "VmHWM") for pid in processes(world.workers[0]))
        assert peak < 200, f"a worker took {peak:.0f} MB"
        report.append(
            {
                "fault": "hostile receivers",
                "injected": len(expected) - 1,
                "deliveries": len(rows),
                "lost": 0,
                "duplicated": world.duplicates(),
                "recovery_seconds": round(seconds, 1),
                "worker_peak_mb": round(peak),
            }
        )
