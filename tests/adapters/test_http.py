"""The HTTP adapter against real servers, the hostile ones on bare sockets."""

from __future__ import annotations

import asyncio
import gzip
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx

from devstack.receiver import Received, Receiver, Reply
from supabase_webhooks.webhooks.deliveries import Message
from supabase_webhooks.webhooks.destinations import parse
from supabase_webhooks.webhooks.errors import DeliveryError
from supabase_webhooks.workers.adapters import Context
from supabase_webhooks.workers.adapters.http import RESPONSE_BYTES, HttpAdapter
from supabase_webhooks.workers.delivery import attempt
from tests.adapters.receivers import OK, receiver, script
from tests.adapters.shorthands import SECRET, SENT, adapter_cache, deliver, make_delivery, make_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = pytest.mark.anyio

CONTEXT = Context(make_settings(), {})
NOT_YET = b"n8n is starting up. Please wait"
MESSAGE = Message(delivery_id="d", endpoint_id="c", body=b"{}", headers={})


@asynccontextmanager
async def server(handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """Serve raw bytes: `handle` is called once the request's head has come."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await handle(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield f"http://127.0.0.1:{port}/"


async def test_body_and_headers_byte_for_byte() -> None:
    """POST, compact JSON, the contract's headers and no others of ours; both signatures verify."""
    with Receiver(answer=lambda _: Reply(body=b"thanks")) as receiver:
        result = await deliver(f"{receiver.url}/path?a=1")
        (request,) = receiver.received
    assert request.path == "/path?a=1"
    assert request.body == SENT
    assert request.verified(SECRET)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "My Third Place Webhook/1.0"
    assert request.headers["webhook-id"] == "3f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
    assert set(request.headers) == {
        "host", "accept", "accept-encoding", "connection", "content-length", "content-type", "user-agent",
        "webhook-id", "webhook-timestamp", "webhook-signature", "x-webhook-signature",
    }  # fmt: skip
    assert (result.delivered, result.response_status, result.response_excerpt) == (True, 200, "thanks")
    assert result.error is None


async def test_without_a_secret_no_signature() -> None:
    """The identity headers go anyway."""
    with Receiver() as receiver:
        await deliver(receiver.url, endpoint={"secrets": ()})
        (request,) = receiver.received
    assert "webhook-id" in request.headers
    assert not {"webhook-signature", "x-webhook-signature"} & set(request.headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_is_success(status: int) -> None:
    """All of them."""
    with Receiver(answer=lambda _: Reply(status, b"")) as receiver:
        assert (await deliver(receiver.url)).delivered


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 400, 401, 404, 409, 422, 429, 500, 502, 503])
async def test_anything_else_is_a_failure_that_is_retried(status: int) -> None:
    """The status and the response are kept."""
    with Receiver(answer=lambda _: Reply(status, b"no")) as receiver:
        result = await deliver(receiver.url)
    assert not result.delivered
    assert not result.permanent
    assert (result.response_status, result.response_excerpt) == (status, "no")
    assert result.error is not None
    assert result.error.startswith(f"HTTP {status}")


@pytest.mark.parametrize(
    ("status", "headers", "health"),
    [
        (200, {}, "answered"),
        (302, {}, "answered"),
        (400, {}, "answered"),
        (404, {}, "answered"),
        (408, {}, "failed"),
        (410, {}, "answered"),
        (425, {}, None),
        (429, {}, None),
        (500, {}, "failed"),
        (501, {}, "answered"),
        (503, {}, "failed"),
        (503, {"Retry-After": "5"}, None),
    ],
)
async def test_what_a_status_tells_of_the_endpoints_health(
    status: int, headers: dict[str, str], health: str | None
) -> None:
    """A deliberate rejection by the receiver is not a failure of its health."""
    with Receiver(answer=lambda _: Reply(status, b"", headers)) as receiver:
        assert (await deliver(receiver.url)).health == health


async def test_extra_headers_and_the_timeout_of_an_endpoint() -> None:
    """They go with each delivery; ours cannot be replaced."""
    headers = {"Authorization": "Bearer x", "Content-Type": "text/plain"}
    with Receiver() as receiver:
        await deliver(receiver.url, endpoint={"headers": headers})
        (request,) = receiver.received
    assert request.headers["authorization"] == "Bearer x"
    assert request.headers["content-type"] == "application/json"

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with server(silent) as url:
        result = await deliver(url, endpoint={"timeout_seconds": 0.2})
    assert (result.error, result.health) == ("no complete response within 0.2 s", "failed")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"Accept": "application/json"}, ["application/json"]),
        ({"ACCEPT": "text/plain"}, ["text/plain"]),
        ({"accept-encoding": "gzip"}, ["gzip"]),
        ({"Accept-Encoding": ""}, [""]),
        ({"X-Empty": ""}, [""]),
        ({"X-Team": "Grüße"}, ["Grüße"]),
        # ours, in whatever case
        ({"content-type": "text/plain"}, ["application/json"]),
        ({"user-agent": "x"}, ["My Third Place Webhook/1.0"]),
        ({"WEBHOOK-ID": "x"}, ["3f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11"]),
        ({"content-length": "1"}, [str(len(SENT))]),
        ({"connection": "close"}, ["keep-alive"]),
        # an endpoint's own, twice: the last
        ({"x-a": "1", "X-A": "2"}, ["2"]),
    ],
)
async def test_no_header_goes_twice(given: dict[str, str], sent: list[str]) -> None:
    """An endpoint's own replaces what is only a default, and nothing of ours."""
    with receiver(script(OK)) as raw:
        result = await deliver(raw.url, endpoint={"headers": given})
    assert result.delivered
    name = next(iter(given)).lower().encode()
    lines = [line.partition(b": ") for line in raw.requests[0][1].partition(b"\r\n\r\n")[0].split(b"\r\n")]
    assert [value.decode() for key, _, value in lines if key.lower() == name] == sent


async def test_the_hosts_name_is_the_urls() -> None:
    """An endpoint's headers lead nowhere else."""
    with receiver(script(OK)) as raw:
        await deliver(raw.url, endpoint={"headers": {"host": "169.254.169.254"}})
    assert raw.requests[0][1].lower().count(b"\r\nhost: ") == 1
    assert f"\r\nHost: 127.0.0.1:{raw.port}\r\n".encode() in raw.requests[0][1]


async def test_a_timeout_is_never_shortened() -> None:
    """An endpoint's own holds, whatever the lease: the database's lease follows it."""
    with receiver(script(0.7, OK)) as raw:
        result = await deliver(raw.url, endpoint={"timeout_seconds": 5}, timeout_seconds=0.5, lease_seconds=1)
    assert result.delivered


@pytest.mark.parametrize(
    ("status", "body", "delivered"),
    [
        (200, b"n8n is starting up. Please wait", False),
        (200, b"n8n is starting up. Please wait\n", False),
        (200, b'{"message": "n8n is starting up. Please wait"}', True),
        (200, b"n8n is starting up. Please wait, I said", True),
        (200, b'{"message":"Workflow was started"}', True),
        (404, b"n8n is starting up. Please wait", False),
    ],
)
async def test_a_2xx_that_is_none(status: int, body: bytes, delivered: bool) -> None:
    """What n8n says to everything while its migrations run counts as 503; the status that it sent is kept."""
    with Receiver(answer=lambda _: Reply(status, body)) as answering:
        result = await deliver(answering.url)
    assert (result.delivered, result.response_status, result.permanent) == (delivered, status, False)
    if status == 200 and not delivered:
        assert (result.error, result.health) == ("HTTP 200 OK: n8n is starting up, which counts as 503", "failed")
        assert str(result.response_excerpt).startswith("n8n is starting up")


async def test_a_2xx_that_is_none_says_when_to_come_again() -> None:
    """As a 503 would."""
    with Receiver(answer=lambda _: Reply(200, NOT_YET, {"Retry-After": "7"})) as answering:
        result = await deliver(answering.url)
    assert (result.retry_after_seconds, result.health) == (7, None)


async def test_a_redirect_is_never_followed() -> None:
    """Not even to the same host; the error says what to do."""
    with Receiver() as other, Receiver(answer=lambda _: Reply(302, b"", {"Location": other.url})) as receiver:
        result = await deliver(receiver.url)
        assert other.received == []
    assert result.error is not None
    assert "give the endpoint its final URL" in result.error


async def test_410_disables_the_endpoint() -> None:
    """And no attempt follows."""
    with Receiver(answer=lambda _: Reply(410)) as receiver:
        result = await deliver(receiver.url)
    assert (result.permanent, result.disable_reason) == (True, "the endpoint returned 410 Gone")


@pytest.mark.parametrize(
    ("status", "value", "seconds"),
    [
        (429, "120", 120),
        (503, "7", 7),
        (503, "Wed, 21 Oct 2015 07:28:00 GMT", 0),
        (429, "soon", None),
        (429, "-5", None),
        (500, "120", None),
    ],
)
async def test_retry_after(status: int, value: str, seconds: float | None) -> None:
    """Seconds or a date, on 429 and 503."""
    with Receiver(answer=lambda _: Reply(status, b"", {"Retry-After": value})) as receiver:
        assert (await deliver(receiver.url)).retry_after_seconds == seconds


async def test_a_silent_server() -> None:
    """It accepts and never responds: the timeout ends it."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with server(silent) as url:
        result = await deliver(url, timeout_seconds=0.3)
    assert result.error == "no complete response within 0.3 s"
    assert not result.permanent


async def test_a_dripping_server() -> None:
    """A byte now and then keeps no worker: the timeout bounds the whole exchange; the status decides."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with server(drip) as url:
        result = await deliver(url, timeout_seconds=0.4)
    assert (result.delivered, result.response_status) == (True, 200)
    assert 300 < result.duration_ms < 10_000, "the default timeout is 15 seconds"


async def test_an_endless_body() -> None:
    """200 is success; 64 KiB are read at most, 1,000 characters kept."""
    sent = 0

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 500 * RESPONSE_BYTES:
            writer.write(b"x" * 4096)
            sent += 4096
            await writer.drain()

    async with server(endless) as url:
        result = await deliver(url)
    assert result.delivered
    assert result.response_excerpt == "x" * 1000
    assert sent < 500 * RESPONSE_BYTES, "the connection was closed long before the end"


async def test_a_gzip_bomb_is_unpacked_within_the_bound() -> None:
    """20 MB of it would be kept in vain."""
    bomb = gzip.compress(b"\0" * 20_000_000)
    with Receiver(answer=lambda _: Reply(200, bomb, {"Content-Encoding": "gzip"})) as receiver:
        result = await deliver(receiver.url)
    assert result.delivered
    assert result.response_excerpt is not None
    assert len(result.response_excerpt) <= 1000
    assert "\x00" not in result.response_excerpt


async def test_a_reset_connection() -> None:
    """A retryable failure with the cause."""

    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with server(reset) as url:
        result = await deliver(url)
    assert result.error is not None
    assert not result.permanent
    assert "the connection " in result.error


async def test_nobody_listens_and_no_such_host() -> None:
    """Retryable; which it is can be read."""
    with Receiver() as receiver:
        url = receiver.url
    assert (await deliver(url)).error == "connection refused"
    assert "resolve" in str((await deliver("http://nowhere.invalid/")).error)


async def test_bad_tls() -> None:
    """A server that speaks no TLS on an https URL."""
    with Receiver() as receiver:
        result = await deliver(receiver.url.replace("http:", "https:"))
    assert str(result.error).startswith("the server does not speak TLS correctly: ")
    assert not result.permanent


async def test_our_own_mistakes_are_permanent() -> None:
    """A URL that cannot be delivered to, and a secret that cannot sign: retrying cannot help."""
    for url, secret in (("https:///x", SECRET), ("https://u:p@x/", SECRET), ("https://x/", "whsec_!")):
        result = await deliver(url, endpoint={"secrets": (secret,)})
        assert result.permanent
        assert result.error
        assert result.health is None
    elsewhere = await deliver("http://x/", allow_http=False)
    assert (elsewhere.permanent, elsewhere.health) == (False, "failed"), (
        "another worker, or this one's settings, may help"
    )


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would see every payload."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with Receiver() as receiver:
        assert (await deliver(receiver.url)).delivered


async def test_200_concurrent_deliveries_reuse_connections_and_close_cleanly() -> None:
    """Each arrives once; afterwards no task is left."""
    before = asyncio.all_tasks()
    with Receiver() as receiver:
        delivery = make_delivery(receiver.url)
        async with adapter_cache() as adapters:
            results = await asyncio.gather(*(attempt(delivery, adapters, make_settings()) for _ in range(200)))
        assert len(receiver.received) == 200
    assert all(result.delivered for result in results)
    assert asyncio.all_tasks() == before


async def test_it_survives_a_restart_of_the_receiver() -> None:
    """A pooled connection that the receiver closed is not a failure the next time."""
    with Receiver(answer=lambda _: Reply(200, b"", {"Connection": "close"})) as receiver:
        async with adapter_cache() as adapters:
            for _ in range(20):
                assert (await attempt(make_delivery(receiver.url), adapters, make_settings())).delivered


def answering(**response: Any) -> HttpAdapter:
    """Return an adapter whose transport is a respx router."""
    router = respx.Router()
    router.post("https://example.com/").mock(**response)
    adapter = HttpAdapter(parse("https://example.com/"), CONTEXT)
    adapter._transport = httpx.MockTransport(router.async_handler)
    return adapter


async def test_a_broken_charset_is_read_all_the_same() -> None:
    """An encoding that Python does not know (an edge that a real server rarely shows)."""
    headers = {"Content-Type": "text/plain; charset=klingon"}
    adapter = answering(return_value=httpx.Response(200, headers=headers, content=b"ok"))
    assert (await adapter.publish(MESSAGE)).excerpt == "ok"


@pytest.mark.parametrize(
    ("charset", "body"), [("unicode_escape", b"\\ud800"), ("utf-7", b"+2AA-"), ("idna", b"\xff.x"), ("rot13", b"x")]
)
async def test_no_charset_of_a_receiver_breaks_a_record(charset: str, body: bytes) -> None:
    """The receiver chooses the codec: what comes out must still be text that JSON and Postgres can keep."""
    headers = {"Content-Type": f"text/plain; charset={charset}"}
    with Receiver(answer=lambda _: Reply(200, body, headers)) as receiver:
        result = await deliver(receiver.url)
    assert result.delivered, result.error
    str(result.response_excerpt).encode()


async def test_errors_of_httpx_become_delivery_errors() -> None:
    """Whatever httpx raises."""
    for error, said in {
        httpx.ReadError: "the connection was lost: why",
        httpx.WriteError: "the connection was lost: why",
        httpx.RemoteProtocolError: "why",
        httpx.ConnectError: "no connection: why",
        httpx.DecodingError: "DecodingError: why",
    }.items():
        with pytest.raises(DeliveryError, match=f"^{said}$"):
            await answering(side_effect=error("why")).publish(MESSAGE)


def test_a_received_request_is_not_verified_with_another_secret() -> None:
    """The receiver of these tests can say no."""
    assert not Received("/", {"x-webhook-signature": "sha256=00"}, b"{}").verified(SECRET)
