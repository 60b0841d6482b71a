"""One connection that speaks HTTP/1.1 as a client: a request, its whole response, and whether another may follow.

Source: RFC 9112; parsing is llhttp's, which Node.js uses too.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

import httptools
import httpx

#: Times the body that is kept: what else a response may have (headers, chunks, trailers), before it is given up.
OVERHEAD = 4

#: Final statuses begin here; those below announce another response on the same request (RFC 9110, section 15.2).
FINAL, SWITCHING_PROTOCOLS = 200, 101

DISCONNECTED = "Server disconnected without sending a response."


class Connection(asyncio.Protocol):
    """At most one exchange at a time. At most `limit` bytes of a body are kept; a longer one ends the connection."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport
        self._open = True
        self._lost = False
        self.idle_since = 0.0
        self._begin()

    def _begin(self) -> None:
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self._read = 0
        self._delimited = self._headed = self._complete = False

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return self._open

    async def exchange(self, request: bytes) -> None:
        """Send a request and wait for its response, which is then in the attributes. Raises httpx's errors."""
        if self._lost:
            raise httpx.RemoteProtocolError(DISCONNECTED)
        self._begin()
        self._answer = asyncio.get_running_loop().create_future()
        try:
            self._transport.write(request)
            await self._answer
        except BaseException:
            self.abort()
            raise
        finally:
            self._answer = None
        if not self._complete:
            self.abort()
        elif not self._open and not self._lost:
            self._transport.close()
        self.idle_since = time.monotonic()

    def abort(self) -> None:
        """End the connection at once."""
        self._open = False
        if not self._lost:
            self._transport.abort()

    # asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by class

    def data_received(self, data: bytes) -> None:
        """Parse."""
        if self._answer is None or self._answer.done():
            # nothing was asked: what follows could be taken for the answer to another delivery
            self.abort()
            return
        self._read += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._open = False
        except httptools.HttpParserError as exc:
            self._fail(httpx.RemoteProtocolError(str(exc) or "malformed response"))
        if self._read > OVERHEAD * self._limit:
            self._fail(httpx.RemoteProtocolError("the response's headers or chunks are too long"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange: a body without a length is complete now."""
        self._open, self._lost = False, True
        # each holds this one: of a TLS connection they would hold its buffers, until garbage is looked for
        del self._transport, self._parser
        if exc:
            self._fail(httpx.ReadError(str(exc) or type(exc).__name__))
        elif not self._headed:
            self._fail(httpx.RemoteProtocolError(DISCONNECTED))
        elif self._delimited:
            self._fail(httpx.RemoteProtocolError("peer closed connection without sending complete message body"))
        else:
            self._finish()

    # llhttp's calls

    def on_message_begin(self) -> None:
        """Notice a second response to one request: it is nobody's."""
        if self._complete:
            self._open = False

    def on_status(self, reason: bytes) -> None:
        """Keep the reason phrase."""
        if not self._complete:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; of trailers, too."""
        if not self._complete:
            self.headers.append((name, value))
            self._delimited |= name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        """Keep the status."""
        if not self._complete:
            self.status = self._parser.get_status_code()
            self._headed = self.status >= FINAL or self.status == SWITCHING_PROTOCOLS

    def on_body(self, data: bytes) -> None:
        """Keep the body up to the limit, which is as much as is read."""
        if not self._complete:
            self.body += data[: self._limit - len(self.body)]
            if len(self.body) >= self._limit:
                self._open = False
                self._finish()

    def on_message_complete(self) -> None:
        """Finish, unless an interim response announced another."""
        if self._complete:
            return
        if not self._headed:
            self.reason, self.headers, self._delimited = b"", [], False
            return
        self._complete = True
        self._open = self._open and self._parser.should_keep_alive()
        self._finish()

    def _finish(self) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result(None)

    def _fail(self, error: httpx.HTTPError) -> None:
        self._open = False
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)
