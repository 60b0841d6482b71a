"""A transport for httpx with checked connections to one destination, which are kept and reused.

httpx's own looks through all of its connections on each request and release and passes four layers for each byte:
2.5 times the CPU of this one (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

import httpx

from supabase_webhooks.webhooks.errors import DeliveryError
from supabase_webhooks.workers.adapters.connections import checked_addresses, connected
from supabase_webhooks.workers.adapters.exchange import Connection
from supabase_webhooks.workers.adapters.failures import described

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Sequence

    from supabase_webhooks.webhooks.addresses import Network

#: Connections of one destination at once. Further requests wait for a free one.
CONNECTIONS = 128

#: What a request's head may contain (RFC 9110, section 5): a header's value cannot begin another header.
HEAD = re.compile(rb"[!-~]+ [!-~]+ HTTP/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*\r\n)+")


class CheckedTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1. `tls` is asked for the context of https; at most `limit` bytes of a response's body are read.

    No timeouts: the caller limits the whole exchange. A cancelled request's connection is closed.
    """

    def __init__(self, allowed: Sequence[Network], *, tls: Callable[[], ssl.SSLContext], limit: int) -> None:
        self._allowed = allowed
        self._tls = tls
        self._limit = limit
        self._idle: list[Connection] = []
        self._places = asyncio.Semaphore(CONNECTIONS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; return the response, its body read as far as it came.

        Raises httpx's errors, DeliveryError with the status when only that came, and DestinationError.
        """
        raw = _raw(request)
        async with self._places:
            connection = await self._exchange(request.url, raw)
            if connection.usable:
                self._idle.append(connection)
        return httpx.Response(
            connection.status,
            headers=connection.headers,
            stream=httpx.ByteStream(bytes(connection.body)),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": connection.reason},
        )

    async def aclose(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().abort()
        await asyncio.sleep(0)  # asyncio closes the sockets in its next turn

    async def _exchange(self, url: httpx.URL, raw: bytes) -> Connection:
        """Send a request on a kept connection or a new one; return it with the response.

        A kept one that ends before the first byte of a response was most likely closed before the request came: the
        request is sent again, on a new one (RFC 9110, section 9.2.2, allows it where a repetition is recognized:
        `webhook-id`). A new one that fails may have delivered: it is not repeated.
        """
        if kept := self._kept():
            try:
                return await _exchanged(kept, raw)
            except httpx.TransportError:
                if kept.heard:
                    raise
        return await _exchanged(await self._connect(url), raw)

    def _kept(self) -> Connection | None:
        """Return the connection that was used last, if it is still good."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.abort()
        return None

    async def _connect(self, url: httpx.URL) -> Connection:
        context = self._tls() if url.scheme == "https" else None
        return await connect(*host_and_port(url), context, self._allowed, limit=self._limit)


def host_and_port(url: httpx.URL) -> tuple[str, int]:
    """Return where an http or https URL leads: the host in its ASCII form, and the port."""
    return url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


async def connect(
    host: str, port: int, context: ssl.SSLContext | None, allowed: Sequence[Network], *, limit: int
) -> Connection:
    """Connect to the first address that responds. TLS verifies the name, not the address.

    Raises AddressError for an address that may not be delivered to, else httpx.ConnectError, its cause an OSError.
    """
    try:
        addresses = await checked_addresses(host, port, allowed)
    except OSError as exc:
        # the look-up holds the error, whose traceback would hold it and this frame
        raise httpx.ConnectError(f"{host}: {exc}") from exc.with_traceback(None)
    problem: OSError | None = None
    while addresses:
        connection = Connection(limit=limit)
        try:
            address = await connected(connection, addresses)
        except OSError as exc:
            problem = problem or exc.with_traceback(None)  # which holds this frame
            break
        if context is None:
            return connection
        try:
            await connection.secure(context, host)
        except OSError as exc:
            problem = exc.with_traceback(None)
            # another of the addresses may work
            others = [one for one in addresses if one[4] != address]
            addresses = others if len(others) < len(addresses) else []
        else:
            return connection
    raise httpx.ConnectError(str(problem) if problem else f"{host} has no address") from problem


async def _exchanged(connection: Connection, raw: bytes) -> Connection:
    """Run the exchange; an error after the status was read is a DeliveryError that keeps it."""
    try:
        await connection.exchange(raw)
    except httpx.TransportError as exc:
        if connection.announced is None:
            raise
        raise DeliveryError(described(exc), status=connection.announced) from exc
    return connection


def _raw(request: httpx.Request) -> bytes:
    """Return a request's bytes. Raises LocalProtocolError for an invalid header."""
    lines = [b"%b %b HTTP/1.1\r\n" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b\r\n" % header for header in request.headers.raw]
    head = b"".join(lines)
    # and as many lines as there are headers: a whole line inside a value would look valid
    if not HEAD.fullmatch(head) or head.count(b"\n") != len(lines):
        raise httpx.LocalProtocolError("a header of the endpoint contains characters that are not allowed in headers")
    return b"".join((head, b"\r\n", *cast("Iterable[bytes]", request.stream)))
