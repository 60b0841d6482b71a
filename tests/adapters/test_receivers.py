"""What receivers may do to an exchange, plain and over TLS, on both event loops: tables of them, each on a socket."""

from __future__ import annotations

import asyncio
import gc
import gzip
import time
import zlib
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.workers.adapters.exchange import HEAD_BYTES, Connection
from supabase_webhooks.workers.delivery import attempt
from tests.adapters.held import again_and_again, eventually, open_sockets
from tests.adapters.receivers import (
    OK,
    Raw,
    Script,
    certificate,
    close,
    cut,
    drip,
    endless,
    half_close,
    hold,
    receiver,
    reset,
    script,
)
from tests.adapters.shorthands import adapter_cache, make_delivery, make_settings

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from supabase_webhooks.webhooks.deliveries import Attempt

    Run = Callable[..., AbstractContextManager[Raw]]

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The loop of `webhooks serve` on Windows or macOS, and the workers'."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context and the certificate that it is verified with."""
    return certificate(tmp_path_factory.mktemp("authority"), "IP:127.0.0.1")


@pytest.fixture(params=["plain", "tls"])
def run(request: pytest.FixtureRequest, authority: tuple[ssl.SSLContext, Path]) -> Run:
    """What runs scripts, plain and over TLS."""

    @contextmanager
    def run(*scripts: Script) -> Iterator[Raw]:
        with receiver(*scripts, context=authority[0] if request.param == "tls" else None) as raw:
            yield raw

    return run


@pytest.fixture
def results(authority: tuple[ssl.SSLContext, Path]) -> Callable[..., Any]:
    """What delivers, one after the other, through one adapter."""

    async def results(
        raw: Raw, count: int = 1, *, wait: float = 0, body: str = '{"a":1}', **settings: Any
    ) -> list[Attempt]:
        settings = {"ca_bundle": str(authority[1]), "timeout_seconds": 5, **settings}
        found = []
        async with adapter_cache(**settings) as adapters:
            for number in range(count):
                if number:
                    await asyncio.sleep(wait)
                found.append(await attempt(make_delivery(raw.url, body=body), adapters, make_settings(**settings)))
        return found

    return results


# the status decides

#: What may follow a complete head. Each with what is kept of it.
BODIES: dict[str, tuple[list[Any], str | None]] = {
    "too short": ([b"Content-Length: 9\r\n\r\nok", close], "ok"),
    "none of it": ([b"Content-Length: 9\r\n\r\n", close], ""),
    "cut off without a close_notify": ([b"Content-Length: 9\r\n\r\nok", cut], "ok"),
    "half closed": ([b"Content-Length: 9\r\n\r\nok", half_close], "ok"),
    "reset": ([b"Content-Length: 9\r\n\r\n", 0.02, reset], ""),
    "cut off within a chunk": ([b"Transfer-Encoding: chunked\r\n\r\n9\r\nok", close], "ok"),
    "no chunk": ([b"Transfer-Encoding: chunked\r\n\r\nrubbish"], ""),
    "endless": ([b"\r\n", endless], "x" * 1000),
    "endless, with its length": ([b"Content-Length: 999999999\r\n\r\n", endless], "x" * 1000),
    "an endless chunk": ([b"Transfer-Encoding: chunked\r\n\r\n1;", endless], ""),
    "endless trailers": ([b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: ", endless], "ok"),
    "too slow": ([b"Content-Length: 999\r\n\r\n", drip], None),
    "never": ([b"Content-Length: 2\r\n\r\n", hold], ""),
    "no gzip": ([b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"], "compressed (gzip), 2 bytes"),
    "more than its length": ([b"Content-Length: 2\r\n\r\nok, and more"], "ok"),
}  # fmt: skip


#: Status lines -> what the status tells of the endpoint's health.
STATUSES = {b"200 OK": "answered", b"202 Accepted": "answered", b"410 Gone": "answered", b"500 Oh No": "failed"}


@pytest.mark.parametrize("follows", BODIES)
async def test_a_complete_head_decides(follows: str, run: Run, results: Any) -> None:
    """Whatever happens to the body: otherwise a receiver would get again what it has accepted."""
    steps, excerpt = BODIES[follows]
    scripts = [script(b"HTTP/1.1 " + status + b"\r\nX: y\r\n" + steps[0], *steps[1:]) for status in STATUSES]
    with ExitStack() as stack:
        raws = [stack.enter_context(run(one)) for one in scripts]
        attempts = await asyncio.gather(*(results(raw, timeout_seconds=1.5) for raw in raws))
        assert [len(raw.requests) for raw in raws] == [1] * len(raws)
    for (found,), (status, health) in zip(attempts, STATUSES.items(), strict=True):
        code = int(status[:3])
        assert (found.delivered, found.response_status) == (code < 300, code)
        assert found.error == (None if code < 300 else f"HTTP {status.decode()}")
        assert (found.permanent, found.health) == (code == 410, health)
        if excerpt is not None:
            assert found.response_excerpt == excerpt


async def test_after_such_a_body_the_connection_is_not_reused(run: Run, results: Any) -> None:
    """What is left of it could be taken for the response to another delivery."""
    for steps in (steps for name, (steps, _) in BODIES.items() if name != "no gzip"):
        with run(script(b"HTTP/1.1 200 OK\r\n" + steps[0], *steps[1:]), script(OK)) as raw:
            found = await results(raw, 2, wait=0.02, timeout_seconds=0.5)
        assert [(one.delivered, one.error) for one in found] == [(True, None)] * 2
        assert [number for number, _ in raw.requests] == [1, 2], steps


#: Heads that end before they are complete -> the status that is kept.
HEADS: dict[str, tuple[list[Any], int | None]] = {
    "nothing": ([close], None),
    "a reset": ([reset], None),
    "silence": ([hold], None),
    "no HTTP": ([b"SSH-2.0-OpenSSH_9.2\r\n", hold], None),
    "no status": ([b"HTTP/1.1 abc\r\n\r\n", hold], None),
    "part of a status": ([b"HTTP/1.1 20", close], None),
    "a status": ([b"HTTP/1.1 200", close], None),
    "a status line": ([b"HTTP/1.1 200 OK\r\n", close], 200),
    "a status line, and silence": ([b"HTTP/1.1 503 Busy\r\n", hold], 503),
    "a status line, and a reset": ([b"HTTP/1.1 200 OK\r\n", 0.02, reset], 200),
    "part of a header": ([b"HTTP/1.1 201 Created\r\nContent-Le", close], 201),
    "an endless header": ([b"HTTP/1.1 200 OK\r\nX: ", endless], 200),
    "endless headers": ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, hold], 200),
    "a slow head": ([b"HTTP/1.1 200 OK\r\nX: ", drip], 200),
    "two lengths": ([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", hold], 200),
    "hints without end": ([b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 2000, hold], None),
    "hints, then a status": ([b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 No\r\nX", close], 500),
    "a status of four digits": ([b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", hold], None),
}  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
async def test_an_incomplete_head_keeps_its_status(head: str, run: Run, results: Any) -> None:
    """It is a failure that is retried; what was read of the status is in the log. Nothing is sent again."""
    steps, status = HEADS[head]
    with run(script(*steps)) as raw:
        (found,) = await results(raw, timeout_seconds=1)
    assert (found.delivered, found.permanent, found.health) == (False, False, "failed"), found
    assert (found.response_status, found.error.split(":")[0]) in {
        (status, name)
        for name in (
            "the response is not valid HTTP",
            f"the response's head is longer than {HEAD_BYTES} bytes",
            "the connection ended before a complete response",
            "the connection was lost",
            "no complete response within 1 s",
        )
    }
    assert len(raw.requests) == 1


# responses that browsers accept

CHUNKS = b"2\r\nok\r\n0\r\n\r\n"

#: Odd responses whose meaning is clear.
ODD = {
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "chunks and length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n" + CHUNKS,
    "two equal lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "a list of equal lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
    "spaces after a chunk's size": b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n0\r\n\r\n",
    "identity": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok",
    "a folded header": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\nContent-Length: 2\r\n\r\nok",
    "a folded length": b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nok",
    "bare LF": b"HTTP/1.1 200 OK\nX: y\nContent-Length: 2\n\nok",
    "a bare LF among others": b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 2\r\n\r\nok",
    "bare LF in chunks": b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n",
    "space before a colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    "a malformed header line": b"HTTP/1.1 200 OK\r\nrubbish\r\nContent-Length: 2\r\n\r\nok",
    "a header without a name": b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 2\r\n\r\nok",
    "a name that is none": b"HTTP/1.1 200 OK\r\nX(y): z\r\nContent-Length: 2\r\n\r\nok",
    "a control character": b"HTTP/1.1 200 OK\r\nX: a\x01b\0c\r\nContent-Length: 2\r\n\r\nok",
    "a CR in a value": b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok",
    "another version": b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "no minor version": b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "lower case": b"http/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "two spaces": b"HTTP/1.1  200  OK\r\nContent-Length: 2\r\n\r\nok",
    "odd after hints": b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "odd hints": b"HTTP/1.1 103 Hints\nLink: x\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok",
}  # fmt: skip

#: Likewise, but their bodies end with the connection.
UNDELIMITED = {
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nok",
    "an empty length": b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok",
    "a length of 30 digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\nok",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
    "another version of HTTP": b"HTTP/1.0 200 OK\nX: y\n\nok",
}


@pytest.mark.parametrize("pieces", [False, True], ids=["at once", "in pieces"])
@pytest.mark.parametrize("odd", [*ODD, *UNDELIMITED])
async def test_odd_responses_count(odd: str, pieces: bool, run: Run, results: Any) -> None:
    """However the bytes come. Their length is in doubt: nothing is sent on their connection again."""
    response = {**ODD, **UNDELIMITED}[odd]
    parts: list[Any] = [response]
    if pieces:
        third = len(response) // 3
        parts = [response[:third], 0.01, response[third:-third], 0.01, response[-third:]]
    with run(script(*parts, *[close] if odd in UNDELIMITED else [])) as raw:
        found = await results(raw, 2)
    assert [(one.delivered, one.response_excerpt, one.error) for one in found] == [(True, "ok", None)] * 2
    assert all(one.duration_ms < 4500 for one in found), "it waited five seconds for more"
    assert [number for number, _ in raw.requests] == [1, 2]


async def test_servers_that_offer_another_protocol(run: Run, results: Any) -> None:
    """As Apache does with each response: nothing is odd about it, and the connection serves on."""
    offer = b"HTTP/1.1 200 OK\r\nUpgrade: h2,h2c\r\nConnection: Upgrade, Keep-Alive\r\nContent-Length: 2\r\n\r\nok"
    with run(script(offer)) as raw:
        assert all(one.delivered for one in await results(raw, 3))
    assert raw.connections == 1


# connections that were closed

OK_1_0 = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("how", [close, cut, reset, half_close])
@pytest.mark.parametrize("after", [0, 0.03])
@pytest.mark.parametrize("response", [OK, OK_1_0], ids=["1.1", "1.0"])
async def test_a_receiver_that_closes_after_each_response(
    how: Any, after: float, response: bytes, run: Run, results: Any
) -> None:
    """Just when the next request comes: that is not a failure, and each delivery arrives."""
    with run(script(response, after, how)) as raw:
        found = await results(raw, 12, wait=after)
    assert [one.error for one in found if one.error] == []
    assert len(raw.requests) == 12, "none was read twice"


@pytest.mark.parametrize("how", [close, cut, reset, half_close])
async def test_a_reused_connection_that_fails_is_replaced_once(how: Any, run: Run, results: Any) -> None:
    """Within the same attempt."""
    with run(script(OK), script(how), script(OK)) as raw:
        found = await results(raw, 2)
    assert [(one.delivered, one.error) for one in found] == [(True, None)] * 2
    assert [number for number, _ in raw.requests] == [1, 1, 2]
    with run(script(OK), script(how)) as raw:
        found = await results(raw, 2)
    assert [one.delivered for one in found] == [True, False]
    assert [number for number, _ in raw.requests] == [1, 1, 2], "a new connection that fails may have delivered"


@pytest.mark.parametrize("steps", [[b"H", close], [b"HTTP/1.1 200 OK\r\n", reset], [b"rubbish"], [hold]])
async def test_a_request_that_was_heard_is_not_repeated(steps: list[Any], run: Run, results: Any) -> None:
    """A byte of a response came, or no end of the connection: the receiver may be at work."""
    with run(script(OK), script(*steps), script(OK)) as raw:
        found = await results(raw, 2, timeout_seconds=0.6)
    assert [one.delivered for one in found] == [True, False]
    assert [number for number, _ in raw.requests] == [1, 1]


@pytest.mark.parametrize(
    ("header", "wait", "connections"),
    [
        (b"Keep-Alive: timeout=5", 0.1, 1),
        (b"Keep-Alive: timeout=1, max=100", 0.1, 1),
        (b"Keep-Alive: timeout=1", 0.6, 2),
        (b"keep-alive: max=5, Timeout = 0", 0, 2),
        (b"Keep-Alive: timeout=99999999999999", 0.1, 1),
        (b"Keep-Alive: soon", 0.1, 1),
    ],
)
async def test_keep_alive(header: bytes, wait: float, connections: int, run: Run, results: Any) -> None:
    """A connection that the receiver is about to close is not used."""
    with run(script(OK.replace(b"OK\r\n", b"OK\r\n" + header + b"\r\n"))) as raw:
        assert all(one.delivered for one in await results(raw, 2, wait=wait))
    assert raw.connections == connections


# heads and unread requests

LONG = HEAD_BYTES - 200

#: Values of headers that take long to understand, if one is not careful.
SLOW = {
    "Content-Type": [
        b"text/plain; charset=" + b"x" * LONG,
        b"text/plain" + b";charset=a" * (LONG // 10),
        b'text/plain; a*0="' + b'; a*1="' * (LONG // 8),
        b"(" * LONG,
        b'"\\' * (LONG // 2),
        b"a=b; " * (LONG // 5),
        b'text/html; charset="\xff\xfe',
        b"charset=unicode_escape",
        b"charset=idna",
        b"charset=punycode",
        b"charset=zip",
    ],
    "Content-Encoding": [b"gzip, " * (LONG // 6), b"x" * LONG, b"\xff"],
    "Retry-After": [
        b"9" * LONG, b"Wed, 21 Oct " + b"9" * 40 + b" 07:28:00 GMT", b"1," * (LONG // 2), b"(" * LONG,
        b"Wed, 21 Oct 2015 07:28:00 +" + b"9" * 20, b"\xb2", b"Mon, 01 Jan 0001 00:00:00 +2359",
    ],
    "Keep-Alive": [b"timeout" * (LONG // 7), b"timeout=" * (LONG // 8), b"timeout" + b" " * LONG],
    "Connection": [b"close," * (LONG // 6)],
    "Location": [b"x" * LONG],
    "Transfer-Encoding": [b"chunked," * (LONG // 8)],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in SLOW.items() for value in values])
async def test_no_header_takes_long(name: str, value: bytes, run: Run, results: Any) -> None:
    """Nor breaks an attempt, on whatever status it stands."""
    body = zlib.compress(b"\xff\x00" * 50_000)
    for status in (b"200 OK", b"302 Found", b"429 No", b"503 No"):
        length = b"" if name == "Transfer-Encoding" else b"Content-Length: %d\r\n" % len(body)
        head = b"HTTP/1.1 %b\r\n%b: %b\r\n%b\r\n" % (status, name.encode(), value, length)
        before = time.thread_time()
        with run(script(head + body, 0.01, close)) as raw:
            (found,) = await results(raw)
        assert found.response_status == int(status[:3])
        assert "internal error" not in str(found.error)
        # of CPU: a busy machine may stop this process at any time
        assert time.thread_time() - before < 0.5


@pytest.mark.parametrize("size", [40_000, 250_000, 3_000_000])
async def test_a_long_head(size: int, run: Run, results: Any) -> None:
    """Is not read to its end."""
    with run(script(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=" + b"x" * size + b"\r\n\r\n", hold)) as raw:
        before = time.thread_time()
        (found,) = await results(raw)
        assert time.thread_time() - before < 0.5
    assert (found.delivered, found.response_status) == (False, 200)
    assert found.error == f"the response's head is longer than {HEAD_BYTES} bytes"
    assert found.duration_ms < 4000


#: More than the buffers of both ends of a connection on loopback.
BIG = '{"x":"' + "y" * 12_000_000 + '"}'


@pytest.mark.parametrize("response", [OK, OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")], ids=["kept", "close"])
async def test_an_unread_request(response: bytes, run: Run, results: Any) -> None:
    """The receiver responds early and never reads: its connection is neither reused nor left to it."""
    with run(script(response, hold, reads=False)) as raw:
        sockets = open_sockets()
        found = await results(raw, 2, body=BIG)
        await eventually(lambda: open_sockets() <= sockets)
    assert [(one.delivered, one.error) for one in found] == [(True, None)] * 2
    assert [number for number, _ in raw.requests] == [1, 2]


async def test_a_receiver_that_responds_before_it_reads(run: Run, results: Any) -> None:
    """As receivers are advised to: it still gets the whole request, and the next one."""

    def read(sock: socket.socket) -> None:
        time.sleep(0.1)
        left = len(BIG) - 65536  # the first of it came with the head
        while left > 0 and (part := sock.recv(1_000_000)):
            left -= len(part)
        unread.append(left)

    unread: list[int] = []
    with run(script(OK, read, reads=False)) as raw:
        found = await results(raw, 2, body=BIG)
        await eventually(lambda: len(unread) == 2)
    assert [(one.delivered, one.error) for one in found] == [(True, None)] * 2
    assert max(unread) <= 0


async def test_a_queue_of_the_system_is_unsent_too(run: Run, results: Any) -> None:
    """The receiver's window is small: nothing is left in this process, and yet the receiver has not read it."""
    with run(script(OK, hold, reads=False)) as raw:
        raw.window = 4096
        found = await results(raw, 3, body='{"x":"' + "y" * 200_000 + '"}')
        assert [(one.delivered, one.error) for one in found] == [(True, None)] * 3
        assert raw.connections == 3


#: Every kind of exchange above; of the last ones, which fill buffers, many.
KINDS: dict[str, tuple[Script, int]] = {
    **{name: (script(b"HTTP/1.1 200 OK\r\n" + steps[0], *steps[1:]), 12) for name, (steps, _) in BODIES.items()},
    **{name: (script(*steps), 12) for name, (steps, _) in HEADS.items()},
    **{name: (script(odd, 0.01, close), 12) for name, odd in {**ODD, **UNDELIMITED}.items()},
    **{f"ok, then {how.__name__}": (script(OK, how), 50) for how in (close, cut, reset, half_close)},
    "unread": (script(OK, hold, reads=False), 300),
    "unread, to be closed": (script(OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), hold, reads=False), 300),
    "unread, then silence": (script(hold, reads=False), 50),
}


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})], ids=["as workers"])
async def test_thousands_of_hostile_exchanges(run: Run, authority: tuple[ssl.SSLContext, Path]) -> None:
    """None leaves a descriptor or memory behind, also while its receiver lives on."""
    settings = {"ca_bundle": str(authority[1]), "timeout_seconds": 0.3}
    body = '{"x":"' + "y" * 250_000 + '"}'

    async def exchange(one: Script, count: int) -> int:
        with run(one) as raw:
            sockets = open_sockets() - raw.open
            async with adapter_cache(**settings) as adapters:
                delivery = make_delivery(raw.url, body=body)
                for _ in range(0, count, 50):
                    attempts = [attempt(delivery, adapters, make_settings(**settings)) for _ in range(min(count, 50))]
                    await asyncio.gather(*attempts)
            await eventually(lambda: open_sockets() - raw.open <= sockets)
            return len(raw.requests)

    async def exchanges() -> int:
        return sum([await exchange(one, count) for one, count in KINDS.values()])

    # not all: where the machine is busy, some end before the receiver has read them
    await again_and_again(exchanges, at_least=1000, memory=20_000_000)


async def test_nothing_is_left_for_the_garbage_collector(run: Run, authority: tuple[ssl.SSLContext, Path]) -> None:
    """No failure and no closed connection holds a payload or TLS's buffers until garbage is looked for."""
    settings = {"ca_bundle": str(authority[1]), "timeout_seconds": 0.2}

    async def exchange(one: Script) -> None:
        with run(one) as raw:
            async with adapter_cache(**settings) as adapters:
                for _ in range(2):
                    await attempt(make_delivery(raw.url), adapters, make_settings(**settings))
                    await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)

    names = [*HEADS, "too short", "reset", "endless", "too slow", "ok, then close", "unread"]
    for name in names:
        await exchange(KINDS[name][0])
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for name in names:
            await exchange(KINDS[name][0])
            gc.collect()
            assert [one for one in gc.garbage if ours(one)] == [], name
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def ours(held: object) -> bool:
    """Return whether the garbage collector found a connection, or a frame that holds an attempt."""
    if isinstance(held, FrameType):
        return "/workers/" in held.f_code.co_filename
    return isinstance(held, Connection)


# what is shown of a body

TEXT = "Grüße, 你好"


@pytest.mark.parametrize(
    ("encoding", "body", "shown"),
    [
        ("gzip", gzip.compress(TEXT.encode(), mtime=0), TEXT),
        ("X-GZIP", gzip.compress(TEXT.encode(), mtime=0), TEXT),
        ("deflate", zlib.compress(TEXT.encode()), TEXT),
        ("deflate", zlib.compress(TEXT.encode())[2:-4], TEXT),
        ("identity", TEXT.encode(), TEXT),
        ("gzip", gzip.compress(b"x" * 100_000_000, mtime=0), "x" * 1000),
        ("gzip", gzip.compress(TEXT.encode() * 99, mtime=0)[:60], "Grüße, 你好Grüße"),
        ("gzip", b"\x1f\x8b no more", "compressed (gzip), 10 bytes"),
        ("gzip", b"", ""),
        ("br", b"\x0b\x02\x80ok\x03", "compressed (br), 6 bytes"),
        ("zstd", b"\x28\xb5\x2f\xfd", "compressed (zstd), 4 bytes"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), "compressed (unknown encoding), "),
        ("\x07<b>", b"ok", "compressed (unknown encoding), 2 bytes"),
    ],
)
async def test_compressed_responses(encoding: str, body: bytes, shown: str, results: Any) -> None:
    """Though none was asked for: readable within the bound, else said to be compressed."""
    head = f"HTTP/1.1 500 No\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with receiver(script(head + body)) as raw:
        (found,) = await results(raw)
    assert found.response_status == 500
    assert found.response_excerpt.startswith(shown)
    if not shown.endswith((" ", "Grüße")):
        assert found.response_excerpt == shown


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("utf-8", "utf-8"), ("ISO-8859-1", "latin-1"), ('"windows-1252"', "cp1252"), ("Shift_JIS", "shift_jis"),
     ("gb2312", "gbk"), ("utf-16", "utf-16"), ("euc-kr", "euc-kr")],
)  # fmt: skip
async def test_encodings_of_text(charset: str, codec: str, results: Any) -> None:
    """The usual ones."""
    text = {"shift_jis": "こんにちは", "gbk": "你好", "euc-kr": "안녕"}.get(codec, "Grüße")
    body = text.encode(codec)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset={charset}\r\nContent-Length: {len(body)}\r\n\r\n"
    with receiver(script(head.encode() + body)) as raw:
        (found,) = await results(raw)
    assert found.response_excerpt == text
