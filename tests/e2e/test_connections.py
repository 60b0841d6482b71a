"""Hostile clients of a running gateway: it keeps responding, its memory does not grow, and they are disconnected."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.e2e.conftest import TOKEN

if TYPE_CHECKING:
    from devstack.services import Gateway
    from tests.e2e.conftest import System

MB = 1024 * 1024

HEAD = b"POST /functions/v1/webhook-dispatcher HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode()

#: How a request begins, and what it then repeats for as long as it can.
ENDLESS = {
    "a header": (HEAD + b"\r\nX-A: ", b"a" * MB),
    "headers": (HEAD + b"\r\n", b"A: b\r\n" * (MB // 6)),
    "the request line": (b"GET /", b"a" * MB),
    "a body": (HEAD + b"\r\nTransfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + b"x" * MB + b"\r\n"),
    "a body in tiny chunks": (HEAD + b"\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * (MB // 6)),
    "a body that is not allowed": (
        HEAD[:-1] + b"\r\nTransfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + b"x" * MB + b"\r\n",
    ),
}  # fmt: skip

#: Requests that stop on the way, within the bounds of head and body.
UNFINISHED = {
    "a head": HEAD + b"\r\nX-A: " + b"a" * 30_000,
    "a body": HEAD + b"\r\nContent-Length: 300000\r\n\r\n" + b"x" * 200_000,
    "nothing": b"",
}


def connect(gateway: Gateway) -> socket.socket:
    """Return a connection."""
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=60)


def peak(gateway: Gateway) -> int:
    """Return the most bytes of memory that the process has had (proc(5), VmHWM)."""
    assert gateway.child is not None
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{gateway.child.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def alive(gateway: Gateway) -> bool:
    """Return whether it responds."""
    return httpx.get(f"{gateway.url}/healthz", trust_env=False, timeout=60).json() == {"status": "ok"}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_request_without_end(system: System, name: str) -> None:
    """Four at once, 300 MB each if they may: cut off, after a few, with the process no larger."""
    gateway = system.gateway()
    assert alive(gateway)
    before = peak(gateway)
    head, rest = ENDLESS[name]

    def send(_: int) -> int:
        sent = 0
        with connect(gateway) as client, suppress(ConnectionError):
            client.sendall(head)
            while sent < 300 * MB:
                client.sendall(rest)
                sent += len(rest)
        return sent

    with ThreadPoolExecutor(5) as pool:
        attacks = pool.map(send, range(4))
        assert all(alive(gateway) for _ in range(20))
        assert max(attacks) < 300 * MB
    assert alive(gateway)
    assert peak(gateway) - before < 30 * MB


@pytest.mark.parametrize("name", UNFINISHED)
def test_requests_without_an_end(system: System, name: str) -> None:
    """A thousand: the gateway responds all the while, keeps little of each, and closes every one."""
    gateway = system.gateway()
    assert alive(gateway)
    before = peak(gateway)
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(gateway)) for _ in range(1000)]
        for n, client in enumerate(clients):
            client.settimeout(0)
            # it makes room for the others, or does not read so much
            with suppress(ConnectionError, BlockingIOError):
                client.send(UNFINISHED[name])
            if n % 100 == 0:
                assert alive(gateway)
        assert alive(gateway)
        for client in clients:
            client.settimeout(60)
            with suppress(ConnectionError):
                while client.recv(1000):
                    pass
    assert peak(gateway) - before < 150 * MB
