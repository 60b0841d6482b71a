"""Receivers on bare sockets, plain and TLS: each does, with each request, what its script says."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Over(Exception):  # noqa: N818 - no error
    """Raised by a step after which the connection is no more."""


def close(sock: socket.socket) -> None:
    """End the connection as servers do: over TLS with close_notify."""
    if isinstance(sock, ssl.SSLSocket):
        sock.settimeout(0)
        with suppress(OSError):
            sock.unwrap()
    raise Over


def cut(_: socket.socket) -> None:
    """End the connection without a close_notify."""
    raise Over


def reset(sock: socket.socket) -> None:
    """Send an RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise Over


def half_close(sock: socket.socket) -> None:
    """Say that no more comes, and leave the socket open until the peer ends it."""
    if isinstance(sock, ssl.SSLSocket):
        sock.settimeout(0)
        with suppress(OSError):
            sock.unwrap()
    else:
        sock.shutdown(socket.SHUT_WR)
    hold(sock)


def hold(sock: socket.socket) -> None:
    """Wait until the peer ends the connection, without reading."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        # a hang-up, without taking what has come
        if _hung_up(sock):
            break
        time.sleep(0.01)
    raise Over


def _hung_up(sock: socket.socket) -> bool:
    # TCP_INFO's first byte is the state; 1 is ESTABLISHED, 5 FIN_WAIT2: anything else has ended
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] not in {1, 4, 5}
    except OSError:
        return True


def endless(sock: socket.socket) -> None:
    """Send forever."""
    while True:
        sock.sendall(b"x" * 65536)


def drip(sock: socket.socket) -> None:
    """Send a byte now and then, forever."""
    while True:
        sock.sendall(b"x")
        time.sleep(0.02)


@dataclass(frozen=True)
class Script:
    """What is done with each request. Without `reads`, its body stays unread."""

    steps: Sequence[bytes | float | Callable[[socket.socket], None]]
    reads: bool = True


def script(*steps: bytes | float | Callable[[socket.socket], None], reads: bool = True) -> Script:
    """Return a script."""
    return Script(steps, reads)


class Raw:
    """A receiver that runs one script for each request, the last for all further ones."""

    def __init__(self, scripts: Sequence[Script], context: ssl.SSLContext | None, at: tuple[str, int]) -> None:
        self._scripts = scripts
        self._context = context
        self._listening = socket.create_server(at, backlog=256)
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.connections = 0
        self.open = 0
        #: Bytes of requests that the system takes before they are read.
        self.window = 0
        #: (the connection's number, the request) in the order of their arrival
        self.requests: list[tuple[int, bytes]] = []
        self.port = self._listening.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://{at[0]}:{self.port}/"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End all connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._lock:
            for sock in self._sockets:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        for thread in self._threads:
            thread.join(30)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            thread = threading.Thread(target=self._connected, args=(sock, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _connected(self, sock: socket.socket, number: int) -> None:
        with self._lock:
            self._sockets.add(sock)
            self.open += 1
        raw = sock
        try:
            sock.settimeout(20)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.window:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.window)
            if self._context:
                sock = secured = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                with self._lock:
                    self._sockets.add(sock)
                secured.do_handshake()  # apart, so that close() can end it
            while request := self._request(sock, number):
                self._answer(sock, request)
        except (Over, OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._sockets -= {sock, raw}
                sock.close()
                raw.close()
                self.open -= 1

    def _request(self, sock: socket.socket, number: int) -> Script | None:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (part := sock.recv(65536)):
                return None
            data += part
        with self._lock:
            chosen = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
            self.requests.append((number, data))
        head, _, body = data.partition(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length: ")
        length = int(length.split(b"\r\n")[0] or 0)
        while chosen.reads and len(body) < length:
            if not (part := sock.recv(65536)):
                return None
            body += part
        return chosen

    def _answer(self, sock: socket.socket, chosen: Script) -> None:
        for step in chosen.steps:
            if isinstance(step, bytes):
                sock.sendall(step)
            elif callable(step):
                step(sock)
            else:
                time.sleep(step)


@contextmanager
def receiver(
    *scripts: Script, context: ssl.SSLContext | None = None, at: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[Raw]:
    """Run one."""
    raw = Raw(scripts, context, at)
    try:
        yield raw
    finally:
        raw.close()


def certificate(directory: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """Return a server's context and its self-signed certificate for names such as `IP:127.0.0.1`."""
    key, crt = directory / "key.pem", directory / "crt.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", crt, "-subj", "/CN=test", "-addext", f"subjectAltName={','.join(names)}"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    return context, crt
