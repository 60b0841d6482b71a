"""Responses made by hypothesis, given to a connection in pieces, without sockets."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from supabase_webhooks.workers.adapters.exchange import HEAD_BYTES, Connection
from supabase_webhooks.workers.adapters.heads import repaired

#: A loop that does nothing else: hypothesis calls its tests without one.
LOOP = asyncio.new_event_loop()


@pytest.fixture(scope="module", autouse=True)
def _loop() -> Any:
    yield
    LOOP.close()


class Transport(asyncio.Transport):
    """Takes a request."""

    def write(self, _: Any) -> None: ...

    def abort(self) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


Result = tuple[Any, ...]


def read(data: bytes, cuts: list[int]) -> Result:
    """Return what a connection makes of a response that comes in pieces and ends with the connection."""

    async def exchange() -> Result:
        connection = Connection(limit=1000)
        connection.connection_made(Transport())
        asking = asyncio.create_task(connection.exchange(b""))
        await asyncio.sleep(0)
        at = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        for start, end in pairwise(at):
            if start < end:
                connection.data_received(data[start:end])
        connection.eof_received()
        connection.connection_lost(None)
        try:
            await asking
        except httpx.TransportError:
            return type(asking.exception()), connection.announced
        return connection.status, bytes(connection.body), connection.reason, connection.headers

    return LOOP.run_until_complete(exchange())


CUTS = st.lists(st.integers(min_value=0, max_value=100_000), max_size=8)
PARTS = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.1 103 Hints", b"http/2 204", b"\r\n", b"\n", b"\r\n\r\n", b"\n\n", b": ", b" ", b"\t",
     b"Content-Length: 2", b"Content-Length: 3", b"Transfer-Encoding: chunked", b"X: y", b"ok", b"2\r\nok\r\n0\r\n\r\n",
     b"\0", b"\xff", b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", b"Keep-Alive: timeout=1", b",", b"-1"]
)  # fmt: skip
ANYTHING = st.one_of(st.binary(max_size=300), st.lists(PARTS, max_size=25).map(b"".join))


@given(ANYTHING, CUTS)
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", [1])
@example(b"\n\nhttp/1 200", [1])
@settings(max_examples=1000, deadline=None)
def test_nothing_breaks_a_connection(data: bytes, cuts: list[int]) -> None:
    """Every response ends as a status or as an error, the same however it comes in pieces."""
    at_once, in_pieces = read(data, []), read(data, cuts)
    assert at_once[0] == in_pieces[0] or {at_once[0], in_pieces[0]} <= {httpx.RemoteProtocolError, httpx.ReadError}, (
        data,
        at_once,
        in_pieces,
    )
    if isinstance(at_once[0], int):
        assert at_once[2:] == in_pieces[2:], data


NAME = st.from_regex(r"X-[A-Za-z0-9]{1,8}", fullmatch=True).map(str.encode)
VALUE = st.from_regex(r"[!-~\x80-\xff]([ !-~]{0,20}[!-~])?", fullmatch=True).map(lambda text: text.encode("latin-1"))


@st.composite
def odd(draw: st.DrawFn) -> tuple[bytes, int, bytes, list[tuple[bytes, bytes]]]:
    """Make a response with any of the oddities that browsers accept: its bytes, and what they mean."""
    end = draw(st.sampled_from([b"\r\n", b"\n"]))
    status = draw(st.integers(min_value=200, max_value=599))
    body = draw(st.binary(min_size=1, max_size=50)) if status not in {204, 304} else b""
    headers = draw(st.lists(st.tuples(NAME, VALUE), max_size=5))
    lines, meant = [], []
    for name, value in headers:
        colon = draw(st.sampled_from([b": ", b":", b" : ", b":\t"]))
        fold = draw(st.sampled_from([b"", b"a" + end + b" ", b"a" + end + b"\t "]))
        lines.append(name + colon + fold + value)
        meant.append((name, b"a " + value if fold else value))
    chunked = draw(st.booleans()) and bool(body)
    length = b"Content-Length: %d" % len(body)
    framing = [length] * draw(st.integers(min_value=0 if chunked else 1, max_value=3))
    framing += [b"Transfer-Encoding: chunked"] * chunked
    lines += draw(st.permutations(framing))
    lines += draw(st.lists(st.sampled_from([b"rubbish", b": none", b"a b: c", b"(): d"]), max_size=2))
    version = draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2", b"http/1.1"]))
    data = end.join([version + b" %d Why" % status, *lines, b"", b""])
    data += b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    return data, status, body, meant


@given(odd(), CUTS)
@settings(max_examples=500, deadline=None)
def test_every_oddity_with_every_other(
    response: tuple[bytes, int, bytes, list[tuple[bytes, bytes]]], cuts: Any
) -> None:
    """The status, the body and the other headers are what they were meant to be."""
    data, status, body, headers = response
    found = read(data, cuts)
    assert found[:2] == (status, body), data
    ours = [header for header in found[3] if header[0].lower() not in {b"content-length", b"transfer-encoding"}]
    assert ours == headers


@given(ANYTHING)
@example(b"HTTP/1.1 200 \0\r\n\r\n")
@example(b"HTTP/1.1 099 Below a hundred\r\n\r\n")
@settings(max_examples=500, deadline=None)
def test_what_was_repaired_needs_no_repair(data: bytes) -> None:
    """It is as strict as it can be."""
    try:
        once = repaired(data)
    except ValueError:
        return
    if once is not None:
        assert repaired(once) == once


HOSTILE = [
    b"HTTP/1.1 200 OK\r\n" + line * (HEAD_BYTES // len(line)) + end
    for line in (
        b"Content-Length: 2\r\n", b"Content-Length: 2,", b"a", b"\r\n ", b" ", b"\t", b"X:\r\n ", b": ", b"\r",
        b"Transfer-Encoding: chunked\n", b"HTTP/1.1 103 x\r\n\r\n", b"HTTP/1.1 ", b"\0", b"X: y\n",
        b"timeout=", b"\n\r",
    )
    for end in (b"", b"\n\n", b"\r\n\r\n")
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_linear_time(data: bytes) -> None:
    """Of as much as is read of a head, at once and byte by byte, nothing takes long (CPU time of this thread)."""
    before = time.thread_time()
    read(data, [])
    read(b"http" + data[4:], [])
    assert time.thread_time() - before < 0.2
    longest = 0.0
    connection = Connection(limit=1000)
    connection.connection_made(Transport())
    connection._response = LOOP.create_future()
    for start in range(0, len(data), 7):
        before = time.thread_time()
        connection.data_received(data[start : start + 7])
        longest = max(longest, time.thread_time() - before)
        if connection._response.done():
            connection._response.exception()
            break
    assert longest < 0.1
