"""A connection of `webhooks gateway`: how much of a request it keeps, and how long it waits for one.

uvicorn's own connections, with h11, bound a head. They wait forever for the rest of it, for a body, and for a client
that reads its response; these do not.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Bytes of a head that are kept while its end is missing. The cookies of a session take less than half of that.
MAX_HEAD = 32 * 1024

#: Seconds from a connection's start, or from the response before, to the last byte of a request: enough for the
#: largest body (gateway/app.py) at 32 KB a second.
REQUEST_SECONDS = 10

#: Seconds that a connection may be idle after a response.
KEEP_ALIVE = 5

#: Seconds in which a client reads what the kernel has no room for.
RESPONSE_SECONDS = 60

#: Bytes of a body that are read after the response to it, so that a client that is still sending sees the response.
MAX_IGNORED = 1024 * 1024

#: Connections at once: fewer than the 1,024 descriptors that a process may have on many hosts.
MAX_CONNECTIONS = 900

#: Bytes that one connection reads before the next one's turn. h11 parses a request in tiny chunks slowly.
READ = 16 * 1024

#: h11's states of a client whose request is not complete.
RECEIVING = {h11.IDLE, h11.SEND_BODY}


class Connection(H11Protocol):
    """One connection; `Buffered` gives it what it reads."""

    #: Of all connections: what one reads, it handles at once.
    _buffer = bytearray(READ)

    _ignored = 0
    _request: asyncio.TimerHandle | None = None
    _response: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(transport)
        # from its first byte on, an unread response is noticed
        transport.set_write_buffer_limits(0)
        if not self._find_room():
            self._reject(503, "Too many connections. Try again later.")
        else:
            self._wait()

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        """Return where to read to."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Handle what was read."""
        self.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Handle it. After the last byte of a request, the client is not waited for."""
        before = self.conn.their_state
        if before is h11.SEND_BODY and self.conn.our_state is not h11.SEND_RESPONSE:
            self._ignored += len(data)
            if self._ignored > MAX_IGNORED:
                self.transport.close()
                return
        super().data_received(data)
        if self.conn.their_state not in RECEIVING:
            self._stop_waiting()
        elif before is h11.SEND_BODY and self.conn.their_state is h11.IDLE:
            # the end of a body after the response to it
            self._ignored = 0
            self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of this one."""
        self._wait()
        super().on_response_complete()
        if self.conn.their_state not in RECEIVING:
            self._stop_waiting()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._response = self._response or self.loop.call_later(RESPONSE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue: the client has read everything."""
        super().resume_writing()
        if self._response:
            self._response.cancel()
            self._response = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._request = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._request:
            self._request.cancel()
            self._request = None

    def _give_up(self) -> None:
        self._request = None
        self._reject(408, f"The request was not complete within {REQUEST_SECONDS} seconds.")

    def _find_room(self) -> bool:
        """Return whether there is room; for it, close the connection that has been waited for the longest."""
        if len(self.connections) <= MAX_CONNECTIONS:
            return True
        # one that is closed stays among them until the loop's next turn
        others: Any = [one for one in self.connections - {self} if not one.transport.is_closing()]
        if len(others) < MAX_CONNECTIONS:
            return True
        waiting = {other: other._request.when() for other in others if other._request}  # noqa: SLF001 - ours
        if waiting:
            min(waiting, key=lambda other: waiting[other]).transport.abort()
        return bool(waiting)

    def _reject(self, status: int, text: str) -> None:
        """Close; say why, unless a response is being sent."""
        state = self.conn.our_state
        if state in {h11.IDLE, h11.SEND_RESPONSE} and not self.transport.is_closing():
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")]
            body = b"" if state is h11.SEND_RESPONSE and self.scope["method"] == "HEAD" else text.encode()
            for event in (
                h11.Response(status_code=status, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class Buffered(asyncio.BufferedProtocol):
    """A connection as event loops see it. uvloop lets only what is not an asyncio.Protocol say how much it reads."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - uvicorn's
        connection = Connection(**given)
        self.connection_made = connection.connection_made  # type: ignore[assignment,method-assign]
        self.connection_lost = connection.connection_lost  # type: ignore[method-assign]
        self.pause_writing = connection.pause_writing  # type: ignore[method-assign]
        self.resume_writing = connection.resume_writing  # type: ignore[method-assign]
        self.eof_received = connection.eof_received  # type: ignore[method-assign]
        self.get_buffer = connection.get_buffer  # type: ignore[method-assign]
        self.buffer_updated = connection.buffer_updated  # type: ignore[method-assign]


#: uvicorn's settings for these connections. There are no WebSockets here.
BOUNDED: dict[str, Any] = {
    "http": Buffered,
    "h11_max_incomplete_event_size": MAX_HEAD,
    "timeout_keep_alive": KEEP_ALIVE,
    "loop": "uvloop",
    "ws": "none",
}
