"""One connection that speaks HTTP/1.1 as a client: a request, its response, and whether another may follow.

A response counts once its head is complete: whatever happens to its body, the status is known, and a receiver that
said 2xx has accepted. Source: RFC 9112; parsing is llhttp's, which Node.js uses too.
"""

from __future__ import annotations

import asyncio
import fcntl
import re
import socket
import ssl
import struct
import termios
import time
from typing import cast

import httptools
import httpx

from supabase_webhooks.workers.adapters import heads

#: Bytes of all heads of one response, interim ones included; servers' own limits for requests are 8 to 16 KB.
HEAD_BYTES = 32 * 1024

#: How long a receiver that has responded may take to read the rest of the request.
UNREAD_SECONDS = 1.0

#: A multiple of the body that is kept: how much else may follow a head (chunks, trailers) before it is cut off.
OVERHEAD = 4

#: Final statuses begin here; those below announce another response on the same request (RFC 9110, section 15.2).
FINAL, SWITCHING_PROTOCOLS = 200, 101

DISCONNECTED = "the connection ended before a complete response"

#: How long an idle connection is kept: hosts close theirs after as little as 5 s, and a request must not meet that.
KEEPALIVE_SECONDS = 4.0

#: How much earlier than a receiver's own `Keep-Alive: timeout=` a connection is dropped, for network latency.
KEEPALIVE_MARGIN = 0.5

_KEEP_ALIVE = re.compile(rb"timeout[ \t]*=[ \t]*([0-9]{1,9})", re.IGNORECASE)

#: For responses that are read a second time; their connection is not reused.
_LENIENCIES = ("optional_lf_after_cr", "optional_cr_before_lf", "optional_crlf_after_chunk", "spaces_after_chunk_size")

#: SO_LINGER's value that makes closing send an RST: else the system keeps what a receiver does not read for minutes.
_RESET = struct.pack("ii", 1, 0)

#: An empty queue, as ioctl writes it: an int.
_NOTHING = bytes(4)

#: The end of chunks with bare LFs, which llhttp does not recognize even when lenient.
_LAST_CHUNK = b"\n0\n\n"


class Connection(asyncio.Protocol):
    """At most one exchange at a time. At most `limit` bytes of a body are kept; a longer one ends the connection."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._parser = httptools.HttpResponseParser(self)
        self._response: asyncio.Future[None] | None = None
        #: The socket's, and that of TLS above it: each buffers what it could not send.
        self._transports: list[asyncio.Transport] = []
        self._socket: socket.socket | None = None
        self._open = True
        self._lost = False
        self._begin()

    def _begin(self) -> None:
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        #: Whether any byte of a response has come.
        self.heard = False
        self._raw = bytearray()
        self._followed = 0
        self._tail = b""
        self._strict = True
        self._headed = self._complete = False
        self._good_until = 0.0
        self._keepalive = KEEPALIVE_SECONDS

    @property
    def usable(self) -> bool:
        """Whether another request may be sent now."""
        return self._open and time.monotonic() < self._good_until

    @property
    def announced(self) -> int | None:
        """The final status, as soon as its line has come; None before."""
        return self.status or heads.status(self._raw)

    async def exchange(self, request: bytes) -> None:
        """Send a request and wait for its response, which is then in the attributes. Raises httpx's errors.

        Cancelled once the head is complete, it returns what there is: the receiver has decided, and it must be
        recorded. Cancelled before, the CancelledError's argument is the status that was `announced`.
        """
        if self._lost:
            raise httpx.RemoteProtocolError(DISCONNECTED)
        self._begin()
        self._response = asyncio.get_running_loop().create_future()
        try:
            self._transports[-1].write(request)
            await self._response
            if self._complete and self._buffered:
                await self._sent()
        except asyncio.CancelledError:
            self.abort()
            if not self._headed:
                raise asyncio.CancelledError(self.announced) from None
        except BaseException:
            self.abort()
            raise
        finally:
            self._response = None
        if not self._complete or self._buffered or self._queued:
            self._open = False
        if not self._open:
            # not closed: that would wait until the receiver has read what it has not, and for its close_notify
            self.abort()
        self._good_until = time.monotonic() + self._keepalive

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Speak TLS from here on, with a certificate of this host. Raises OSError."""
        if self._lost:
            raise ConnectionResetError(DISCONNECTED)
        if not self._open:  # uvloop's start_tls would not notice
            raise ssl.SSLError(1, "the server sent data before TLS")
        plain = self._transports[-1]
        try:
            secured = await asyncio.get_running_loop().start_tls(plain, self, context, server_hostname=host)
        except BaseException:
            plain.abort()
            raise
        if secured is None:  # it was closed right after the handshake
            raise ConnectionResetError(DISCONNECTED)
        self._transports.append(secured)

    def abort(self) -> None:
        """End the connection at once. What could not be sent is dropped, by the system too."""
        self._open = False
        if self._buffered and self._socket:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if self._transports:
            self._transports[-1].abort()

    async def _sent(self) -> None:
        """Give a receiver that responds before it has read the whole request some time to read on."""
        deadline = time.monotonic() + UNREAD_SECONDS
        while self._buffered and time.monotonic() < deadline:  # noqa: ASYNC110 - a rare wait needs no event
            await asyncio.sleep(UNREAD_SECONDS / 20)

    @property
    def _buffered(self) -> bool:
        """Whether bytes of a request are left in this process."""
        return any(one.get_write_buffer_size() for one in self._transports)

    @property
    def _queued(self) -> bool:
        """Whether the system has bytes of a request that the receiver's has not taken."""
        if self._lost or self._socket is None:
            return False
        try:
            return fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, _NOTHING) != _NOTHING
        except OSError:  # no system's but Linux's and macOS's, or closed
            return False

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transports.append(cast("asyncio.Transport", transport))  # uvloop's are none by class
        self._socket = transport.get_extra_info("socket")

    def data_received(self, received: bytes) -> None:
        """Parse."""
        data = received
        if self._response is None or self._response.done():
            # no request is open: what follows could be taken for the response to another delivery
            self.abort()
            return
        self.heard = True
        if not self._headed:
            room = HEAD_BYTES - len(self._raw)
            self._read_head(data[:room])
            data = data[room:]
            if data and not self._headed:
                self._fail(httpx.RemoteProtocolError(f"the response's head is longer than {HEAD_BYTES} bytes"))
        if data and self._headed:
            self._feed(data)
        if self._headed:
            self._followed += len(data)
            if self._followed > OVERHEAD * self._limit:
                self._finish()
        if not self._strict:
            self._tail = (self._tail + received)[-len(_LAST_CHUNK) :]
            if self._headed and self._tail == _LAST_CHUNK:
                self._finish()

    def eof_received(self) -> None:
        """End the exchange: by TLS's close_notify too, after which a receiver may leave the connection open."""
        self._end(None)
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange."""
        self._end(exc)
        self._lost = True
        # each holds this one: of a TLS connection they would hold its buffers, until garbage is looked for
        self._transports.clear()
        self._socket = None
        del self._parser

    # llhttp's callbacks

    def on_message_begin(self) -> None:
        """Detect a second response to one request: it belongs to no delivery."""
        if self._complete:
            self._open = False

    def on_status(self, reason: bytes) -> None:
        """Keep the reason phrase."""
        if not self._headed:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, but no trailer."""
        if self._headed:
            return
        self.headers.append((name, value))
        if name.lower() == b"keep-alive" and (found := _KEEP_ALIVE.search(value)):
            self._keepalive = min(KEEPALIVE_SECONDS, int(found[1]) - KEEPALIVE_MARGIN)

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
            self.status, self.reason, self.headers = 0, b"", []
            return
        self._complete = True
        self._open = self._open and self._parser.should_keep_alive()
        self._finish()

    def _read_head(self, data: bytes) -> None:
        """Parse what belongs to a head, as far as is known; keep it for a second reading."""
        seen = max(0, len(self._raw) - 2)  # a blank line has three bytes at most
        self._raw += data
        if self._strict:
            self._feed(data)
        elif heads.END.search(self._raw, seen):
            self._read_again()

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._open = False
        except httptools.HttpParserError as exc:
            self._open = False
            if self._headed:
                self._finish()
            elif self._strict and heads.START.match(self._raw):
                self._strict = False
                self._read_again()
            else:
                self._fail(httpx.RemoteProtocolError(f"the response is not valid HTTP: {exc}"))

    def _read_again(self) -> None:
        """Read a head that a strict parser rejects, once it is whole, as browsers do."""
        try:
            response = heads.repaired(bytes(self._raw))
        except ValueError as exc:
            self._fail(httpx.RemoteProtocolError(f"the response is not valid HTTP: {exc}"))
            return
        if response is not None:
            self.reason, self.headers = b"", []
            self._parser = httptools.HttpResponseParser(self)
            self._parser.set_dangerous_leniencies(**{f"lenient_{name}": True for name in _LENIENCIES})
            self._feed(response)

    def _end(self, exc: Exception | None) -> None:
        self._open = False
        if self._headed:
            self._finish()
        elif exc:
            self._fail(httpx.ReadError(str(exc) or type(exc).__name__))
        else:
            self._fail(httpx.RemoteProtocolError(DISCONNECTED))

    def _finish(self) -> None:
        if self._response and not self._response.done():
            self._response.set_result(None)

    def _fail(self, error: httpx.HTTPError) -> None:
        self._open = False
        if self._response and not self._response.done():
            self._response.set_exception(error)
