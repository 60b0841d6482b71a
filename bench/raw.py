"""The receiver's own ceiling: bare requests on kept connections. `python -m bench.raw PORT COUNT` prints seconds."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

CONNECTIONS = 50
BODY = b"x" * 600
REQUEST = b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Client(asyncio.Protocol):
    """Sends the next request with each response."""

    left = 0

    def __init__(self, done: asyncio.Future[None]) -> None:
        self._done = done
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by class
        self._transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - a response comes whole
        """Go on."""
        Client.left -= 1
        if Client.left > 0:
            self._transport.write(REQUEST)
        elif not self._done.done():
            self._done.set_result(None)


async def main(port: int, requests: int) -> None:
    """Send."""
    loop = asyncio.get_running_loop()
    Client.left = requests
    done: asyncio.Future[None] = loop.create_future()
    begun, used = time.perf_counter(), time.process_time()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Client(done), "127.0.0.1", port)
    await done
    print(json.dumps({"seconds": time.perf_counter() - begun, "cpu": time.process_time() - used}))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
