"""The transport of HTTP deliveries against servers on bare sockets: what a response may look like, and what follows."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.workers.adapters.exchange import Connection
from supabase_webhooks.workers.delivery import attempt
from tests.adapters.shorthands import adapter_cache, deliver, make_delivery, make_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from supabase_webhooks.webhooks.deliveries import Attempt

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Script:
    """A server that responds to each request with the given bytes, and counts connections and requests."""

    def __init__(self, *responses: bytes, close: bool = False) -> None:
        self._answers = responses
        self._close = close
        self.connections = 0
        self.requests: list[bytes] = []
        self.url = ""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                for part in self._answers:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0.01)
                if self._close:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def script(*responses: bytes, close: bool = False) -> AsyncIterator[Script]:
    """Run one."""
    one = Script(*responses, close=close)
    server = await asyncio.start_server(one.connected, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        yield one


async def results(server: Script, count: int, **settings: Any) -> list[Attempt]:
    """Deliver some, one after the other, through one adapter."""
    async with adapter_cache() as adapters:
        return [await attempt(make_delivery(server.url), adapters, make_settings(**settings)) for _ in range(count)]


@pytest.mark.parametrize(
    "response",
    [
        [OK],
        [OK[:5], OK[5:30], OK[30:]],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n", b"1\r\nk\r\n0\r\nTrailer: x\r\n\r\n"],
        [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK],
        [b"HTTP/1.1 100 Continue\r\n\r\n", OK],
    ],
    ids=["at once", "in pieces", "chunked", "after hints", "after 100"],
)
async def test_whole_responses_and_one_connection(response: list[bytes]) -> None:
    """However the bytes come; and the connection serves the next delivery."""
    async with script(*response) as server:
        found = await results(server, 3)
    assert [(one.delivered, one.response_excerpt, one.error) for one in found] == [(True, "ok", None)] * 3
    assert (server.connections, len(server.requests)) == (1, 3)


@pytest.mark.parametrize(
    "response",
    [b"HTTP/1.1 200 OK\r\n\r\nok", b"HTTP/1.0 200 OK\r\n\r\nok", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"],
)
async def test_a_body_that_ends_with_its_connection(response: bytes) -> None:
    """It is complete then, and the next delivery opens a new connection."""
    async with script(response, close=True) as server:
        found = await results(server, 2)
    assert [(one.delivered, one.response_excerpt) for one in found] == [(True, "ok")] * 2
    assert server.connections == 2


@pytest.mark.parametrize(
    "response", [OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), OK.replace(b"/1.1", b"/1.0")]
)
async def test_a_connection_that_is_not_kept(response: bytes) -> None:
    """The server says so: nothing is sent on it again."""
    async with script(response) as server:
        found = await results(server, 2)
    assert all(one.delivered for one in found)
    assert server.connections == 2


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (b"", "the connection ended before a complete response"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "the connection ended before a complete response"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the response is not valid HTTP: "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "the response is not valid HTTP: "),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000, "the response's head is longer than "),
    ],
    ids=["nothing", "half a head", "no HTTP", "two lengths", "endless head"],
)
async def test_a_response_that_is_none(response: bytes, error: str) -> None:
    """A failure of the endpoint, that is retried."""
    async with script(response, close=True) as server:
        (found,) = await results(server, 1)
    assert str(found.error).startswith(error)
    assert (found.delivered, found.permanent, found.health) == (False, False, "failed")


@pytest.mark.parametrize("more", [b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", b"rubbish"])
async def test_a_second_response_is_nobodys(more: bytes) -> None:
    """Neither in the same breath nor later is it taken for the response to the next delivery."""
    for responses in ([OK + more], [OK, more]):
        async with script(*responses) as server, adapter_cache() as adapters:
            for _ in range(3):
                found = await attempt(make_delivery(server.url), adapters, make_settings())
                assert (found.delivered or "HTTP" in str(found.error), found.response_status) != (True, 410)
                await asyncio.sleep(0.05)
        assert server.connections == 3


async def test_101_is_no_success() -> None:
    """No request asked for another protocol."""
    async with script(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n") as server:
        (found,) = await results(server, 1)
    assert found.error == "HTTP 101 Switching Protocols"


async def test_a_timed_out_exchange_is_not_continued() -> None:
    """Its connection is closed: a late response reaches no other delivery."""
    async with script(OK[:20]) as server:
        found = await results(server, 2, timeout_seconds=0.3)
    assert [one.error for one in found] == ["no complete response within 0.3 s"] * 2
    assert server.connections == 2


@pytest.mark.parametrize("value", ["x\r\nHost: other", "x\ny", "x\ry", "x\0y"])
async def test_a_header_cannot_bring_another(value: str) -> None:
    """Nothing is sent, and the error does not repeat the value, which may be a secret."""
    async with script(OK) as server:
        found = await deliver(server.url, endpoint={"headers": {"X-Team": value}})
    assert not found.delivered
    assert "a header of the endpoint" in str(found.error)
    assert server.requests == []


async def test_a_closed_connection_holds_nothing() -> None:
    """Not its parser and buffers until garbage is looked for: of TLS connections that is 30 KB each."""
    settings = make_settings()
    gc.collect()
    gc.disable()
    try:
        async with script(OK, close=True) as server, adapter_cache() as adapters:
            for _ in range(3):
                result = await attempt(make_delivery(server.url), adapters, settings)
                assert result.delivered
                await asyncio.sleep(0.05)  # the server closes
            assert server.connections == 3
        # the last one waited to be used again
        assert [one for one in gc.get_objects() if isinstance(one, Connection)] == []
    finally:
        gc.enable()
