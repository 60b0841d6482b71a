"""A proxy before REST that counts calls and bytes, and delays them: `python -m bench.proxy PORT TARGET_PORT MS`.

Half of the milliseconds pass on the way there, half on the way back. `GET /counts` says what has passed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urlsplit

import uvloop

from bench.stream import Requests

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTS = b"GET /counts "


class Counts:
    """What has passed: calls by name, and bytes there and back, heads included."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.sent = 0
        self.received = 0

    def note(self, name: str) -> None:
        """Count a call."""
        self.calls[name] += 1

    def response(self) -> bytes:
        """Return them as an HTTP response."""
        body = json.dumps({"calls": self.calls, "sent": self.sent, "received": self.received}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Way(asyncio.Protocol):
    """One end of a connection: what comes in goes out at the other end, later."""

    def __init__(self, passed: Callable[[bytes], bytes | None], delay: float) -> None:
        self._passed = passed
        self._delay = delay
        self.transport: asyncio.Transport | None = None
        self.other: Way
        self._joined = self._lost = False
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are none by class

    def data_received(self, data: bytes) -> None:
        """Pass it on when there is another end, or return the counts."""
        if not self._joined:
            self._early += data
        elif response := self._passed(data):
            self.write(response)
        else:
            self._later(self.other.write, data)

    def connection_lost(self, _: Exception | None) -> None:
        """Close the other end, after what is on its way."""
        self._lost = True
        self._later(self.other.close)

    def write(self, data: bytes) -> None:
        """Send, unless it has been closed."""
        if self.transport and not self.transport.is_closing():
            self.transport.write(data)

    def close(self) -> None:
        """Close it, if it was opened."""
        if self.transport:
            self.transport.close()

    def join(self) -> None:
        """Begin to pass on, now that there is another end."""
        self._joined = True
        if self._early:
            self.data_received(self._early)
        if self._lost:
            self._later(self.other.close)

    def _later(self, do: Callable[..., None], *arguments: bytes) -> None:
        if self._delay:
            # in their order: of two timers that end in the same millisecond uvloop runs the older one first
            asyncio.get_running_loop().call_later(self._delay, do, *arguments)
        else:
            do(*arguments)


class Passed(NamedTuple):
    """What a proxy has passed: calls by name, and bytes to REST and from there, heads included."""

    calls: dict[str, int]
    sent: int
    received: int


def passed(url: str) -> Passed:
    """Ask a proxy what it has passed."""
    # each time over a connection of its own: one that is kept has its other end at REST, which ends it
    with closing(HTTPConnection(urlsplit(url).netloc)) as connection:
        connection.request("GET", "/counts")
        return Passed(**json.loads(connection.getresponse().read()))


async def serve(port: int, target: int, milliseconds: float) -> None:
    """Serve until the process is ended."""
    counts, loop, delay = Counts(), asyncio.get_running_loop(), milliseconds / 2000
    joining: set[asyncio.Task[None]] = set()

    def connect() -> Way:
        requests = Requests(counts.note)

        def there(data: bytes) -> bytes | None:
            if data.startswith(COUNTS):
                return counts.response()
            counts.sent += len(data)
            requests.feed(data)
            return None

        def back(data: bytes) -> None:
            counts.received += len(data)

        client, server = Way(there, delay), Way(back, delay)
        client.other, server.other = server, client

        async def join() -> None:
            try:
                await loop.create_connection(lambda: server, "127.0.0.1", target)
            except OSError:
                client.close()
                return
            server.join()
            client.join()

        task = loop.create_task(join())
        joining.add(task)
        task.add_done_callback(joining.discard)
        return client

    listening = await loop.create_server(connect, "127.0.0.1", port, backlog=1024)
    await listening.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
