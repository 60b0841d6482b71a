"""A gateway's connections: whatever a client sends or leaves out, little is kept of it, and the wait for it ends."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from supabase_webhooks.gateway import connection
from supabase_webhooks.gateway.connection import BOUNDED, MAX_HEAD, READ, Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """It is served by uvloop; asyncio's own loop is what Python documents."""
    return "asyncio", {"use_uvloop": request.param}


POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"

#: Requests that never end, and the statuses of the responses.
UNFINISHED = {
    "nothing": (b"", ["408"]),
    "half a request line": (b"GET /heal", ["408"]),
    "half a header": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-", ["408"]),
    "no empty line": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", ["408"]),
    "no body": (POST, ["408"]),
    "half a body": (POST + b"12345", ["408"]),
    "half a chunk": (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123", ["408"]),
    "no last chunk": (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", ["408"]),
    "HEAD with half a body": (POST.replace(b"POST", b"HEAD") + b"1", ["408"]),
    "an early response": (POST.replace(b"/echo", b"/early") + b"12345", ["200"]),
    "half of the second": (b"GET /early HTTP/1.1\r\nHost: x\r\n\r\nGET /echo HTTP", ["200", "408"]),
}

#: Heads without end.
ENDLESS = {
    "request line": (b"GET /", b"a"),
    "header": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"a"),
    "header's name": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"a"),
    "headers": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n"),
    "cookies": (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: ", b"a=b; "),
    "a folded header": (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: a", b"\r\n a"),
    "a chunk's size": (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", b"a"),
    "trailers": (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n"),
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Return the request's body, at /early before reading it, at /large much more than kernels keep."""
    body, more = b"", scope["path"] == "/echo"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    if scope["path"] == "/large":
        body = b"x" * 30_000_000
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[int, ServerState]]:
    """Serve the application on a free port."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, **BOUNDED)
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: BOUNDED["http"](config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1], state
    finally:
        server.close()
        for open_connection in list(state.connections):
            open_connection.transport.abort()
        await asyncio.gather(*state.tasks, return_exceptions=True)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a moment only."""
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(connection, "RESPONSE_SECONDS", 0.3)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("name", UNFINISHED)
async def test_an_unfinished_request_ends(name: str) -> None:
    """However far it came; the response says why, where there was none yet."""
    sent, statuses = UNFINISHED[name]
    async with serving() as (port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        received = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        assert re.findall("HTTP/1.1 (...)", received.decode()) == statuses, received
        assert (b"within 0.3 seconds" in received) is ("408" in statuses and not name.startswith("HEAD"))
        assert not state.connections


async def test_one_connection_reads_little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others have their turn in between, whatever the event loop reads by itself."""
    read: list[int] = []
    data_received = Connection.data_received

    def noted(self: Connection, data: bytes) -> None:
        read.append(len(data))
        data_received(self, data)

    monkeypatch.setattr(Connection, "data_received", noted)
    body = b"x" * 500_000
    async with serving() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST.replace(b"10", b"500000") + body)
        assert await asyncio.wait_for(responses(reader, 1), 30) == [body]
        writer.close()
    assert sum(read) == len(POST) + 4 + len(body)
    assert max(read) <= READ


@pytest.mark.usefixtures("hurried")
async def test_drops_that_never_fill_a_request() -> None:
    """The time is that of the whole request: a byte now and then does not renew it."""
    async with serving() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        reading = asyncio.ensure_future(reader.read())
        writer.write(POST.replace(b"10", b"300"))
        for _ in range(300):
            if reading.done():
                break
            writer.write(b"x")
            await asyncio.sleep(0.1)
        assert (await reading).startswith(b"HTTP/1.1 408")
        writer.close()


@pytest.mark.parametrize("name", ENDLESS)
async def test_an_endless_head_is_refused(name: str) -> None:
    """Before more than a bit of it is kept."""
    head, rest = ENDLESS[name]
    most = 0
    async with serving() as (port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        reading = asyncio.ensure_future(reader.read())
        writer.write(head)
        sent = len(head)
        while not (reading.done() or writer.is_closing()) and sent < 64 * MAX_HEAD:
            writer.write(rest * (4096 // len(rest)))
            sent += 4096
            await asyncio.sleep(0)
            kept = [len(one.conn._receive_buffer) for one in state.connections if isinstance(one, Connection)]
            most = max([most, *kept])
        writer.close()
        try:
            received = await asyncio.wait_for(reading, 30)
        except ConnectionError:
            # what it had not read yet
            received = b"HTTP/1.1 400"
        assert received.startswith(b"HTTP/1.1 400"), received
        assert most <= MAX_HEAD + READ


async def test_a_body_after_its_response() -> None:
    """A bit of it is read, so that its sender sees the response; the next request on the connection is handled."""
    early = POST.replace(b"/echo", b"/early")
    async with serving() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in range(5):
            writer.write(early)
            assert await responses(reader, 1) == [b""]
            writer.write(b"1234567890" if n < 4 else b"")
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(early.replace(b": 10", b": 100000000"))
        assert await responses(reader, 1) == [b""]
        sent = 0
        with pytest.raises(ConnectionError):  # noqa: PT012 - it is closed at some point
            while sent < 100_000_000:
                writer.write(b"x" * 100_000)
                await writer.drain()
                sent += 100_000
        writer.close()


@pytest.mark.usefixtures("hurried")
async def test_what_a_client_does_not_read_is_dropped() -> None:
    """A long response, and many short ones."""
    async with serving() as (port, state):
        for request in (b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /large HTTP/1.0\r\n\r\n"):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(request)
            for _ in range(300):
                await asyncio.sleep(0.1)
                if state.total_requests and not state.connections:
                    break
            assert not state.connections
            client.close()


async def test_the_longest_wait_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections without a request keep out no one who sends one; the oldest goes."""
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 20)
    async with serving() as (port, state):
        idle = []
        for _ in range(50):
            idle.append(await asyncio.open_connection("127.0.0.1", port))
            # uvloop's clock counts milliseconds
            await asyncio.sleep(0.005)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"1234567890")
        assert (await asyncio.wait_for(reader.read(), 30)).endswith(b"1234567890")
        assert len(state.connections) <= 20

        def ended() -> list[bool]:
            return [one.at_eof() or one.exception() is not None for one, _ in idle]

        async with asyncio.timeout(30):
            while sum(ended()) < 31:  # noqa: ASYNC110 - the last one's end is on its way
                await asyncio.sleep(0.01)
        assert ended() == [True] * 31 + [False] * 19
        for _, other in (*idle, (reader, writer)):
            other.close()


async def test_the_closed_are_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that were waited for end in the loop's turn in which another one comes: there is room for it."""
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 20)
    begin = Connection.connection_made

    def end_the_others(new: Connection, transport: asyncio.Transport) -> None:
        if len(new.connections) == 20:
            for other in new.connections:
                other._give_up()  # type: ignore[union-attr]
        begin(new, transport)

    monkeypatch.setattr(Connection, "connection_made", end_the_others)
    async with serving() as (port, _):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /early HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"HTTP/1.1 200")
        for _, one in (*idle, (reader, writer)):
            one.close()


async def test_without_room_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """When each connection has a request that is handled."""
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 0)
    async with serving() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        received = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        assert received.startswith(b"HTTP/1.1 503")
        assert b"Too many connections" in received


@given(
    bodies=st.lists(st.binary(max_size=100_000), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 40_000), min_size=1, max_size=20),
    chunked=st.booleans(),
)
def test_requests_in_any_pieces(bodies: list[bytes], cuts: list[int], chunked: bool) -> None:
    """Pipelined, in whatever pieces they arrive: each gets its response, in order."""
    sent = b"".join(
        b"POST /echo HTTP/1.1\r\nHost: x\r\n"
        + (
            b"Transfer-Encoding: chunked\r\n\r\n"
            + (b"%x\r\n%b\r\n" % (len(body), body) if body else b"")
            + b"0\r\n\r\n"
            if chunked
            else b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        for body in bodies
    )

    async def exchange() -> list[bytes]:
        async with serving() as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            reading = asyncio.ensure_future(responses(reader, len(bodies)))
            at = n = 0
            while at < len(sent):
                writer.write(sent[at : at + cuts[n % len(cuts)]])
                at += cuts[n % len(cuts)]
                n += 1
                await asyncio.sleep(0)
            received = await asyncio.wait_for(reading, 60)
            writer.close()
            return received

    assert asyncio.run(exchange()) == bodies


async def responses(reader: asyncio.StreamReader, count: int) -> list[bytes]:
    """Return the bodies of this many responses."""
    bodies = []
    for _ in range(count):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        bodies.append(await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0])))
    return bodies
