"""A receiver: an HTTP server that records what it gets and verifies both signatures."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Received:
    """One request as it came: its path, its headers in lower case, its body's bytes."""

    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"

    @property
    def payload(self) -> dict[str, Any]:
        """The body as JSON."""
        return dict(json.loads(self.body))

    def verified(self, secret: str) -> bool:
        """Return whether both signatures are those of the secret, which starts with whsec_."""
        plain = "sha256=" + hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(plain, self.headers.get("x-webhook-signature", "")):
            return False
        try:
            Webhook(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


@dataclass(frozen=True)
class Reply:
    """What a receiver returns."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)


class Receiver:
    """A context manager. `answer` decides the reply to each request; `on_request` is called first."""

    def __init__(
        self,
        *,
        answer: Callable[[Received], Reply] = lambda _: Reply(),
        on_request: Callable[[Received], None] = lambda _: None,
        port: int = 0,
    ) -> None:
        self.received: list[Received] = []
        self._arrived = threading.Condition()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.receive = self._receive
        self._answer = answer
        self._on_request = on_request
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="receiver")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for(self, count: int, *, seconds: float = 30) -> list[Received]:
        """Return what came once it is `count` requests, or what there is after `seconds`."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self.received) >= count, seconds)
            return list(self.received)

    def _receive(self, request: Received) -> Reply:
        self._on_request(request)
        reply = self._answer(request)
        with self._arrived:
            self.received.append(request)
            self._arrived.notify_all()
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    receive: Callable[[Received], Reply]

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - socketserver's interface
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's interface
        """Say nothing of a client that has gone: a worker was killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        """End the connections too, as a process that ends does: kept ones would be served forever."""
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.receive(Received(self.path, headers, body, self.command))
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST  # noqa: N815 - the base class calls it so

    def log_message(self, *_: object) -> None:
        """Log nothing: the receiver's user does."""
