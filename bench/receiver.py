"""A receiver that is not a bottleneck: bare asyncio, a process of its own. `python -m bench.receiver PORT`.

A POST to any path returns 200 at once, or never below /silent; below /trace its arrival is noted. `GET /count` and
`GET /arrivals` say what came, and when (time.monotonic, one clock for all processes). With a file of a certificate and
its key it speaks TLS.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from typing import cast

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Arrivals:
    """What came: how many requests and connections, when the last did, and those below /trace by their event."""

    def __init__(self) -> None:
        self.requests = 0
        self.connections = 0
        self.last = 0.0
        self.times: dict[str, list[float]] = {}

    def note(self, head: bytes, body: bytes) -> None:
        """Count a request."""
        self.requests += 1
        self.last = time.monotonic()
        if head.startswith(b"POST /trace"):
            self.times.setdefault(json.loads(body)["request_id"], []).append(self.last)


class Connection(asyncio.Protocol):
    """One client's connection: requests are handled in the order they come."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._rest = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; over TLS the handshake is over."""
        self._arrivals.connections += 1
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by class

    def data_received(self, data: bytes) -> None:
        """Respond to every request that is complete."""
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head, start = self._rest[:end], end + 4
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._rest) < start + length:
                return
            body, self._rest = self._rest[start : start + length], self._rest[start + length :]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /count"):
            now = self._arrivals
            self._say({"requests": now.requests, "connections": now.connections, "last": now.last})
        elif head.startswith(b"GET /arrivals"):
            self._say(self._arrivals.times)
        elif not head.startswith(b"POST /silent"):
            self._arrivals.note(head, body)
            self._transport.write(ANSWER)

    def _say(self, what: object) -> None:
        body = json.dumps(what).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def serve(port: int, certificate: str | None) -> None:
    """Serve until the process is ended."""
    arrivals = Arrivals()
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(arrivals), "127.0.0.1", port, ssl=context, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))  # noqa: PLR2004
