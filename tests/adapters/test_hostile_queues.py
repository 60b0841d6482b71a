"""What servers of queues may do to an exchange, plain and over TLS: it leaves no descriptor, thread or memory."""

from __future__ import annotations

import asyncio
import struct
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.oauth2.credentials import Credentials

from supabase_webhooks.workers.adapters import pubsub
from supabase_webhooks.workers.adapters.aws import session
from supabase_webhooks.workers.delivery import attempt
from tests.adapters import receivers
from tests.adapters.held import again_and_again, eventually
from tests.adapters.kafka_server import METADATA, PRODUCE, VERSIONS, Broker, Reader, kafka
from tests.adapters.receivers import Raw, Script, certificate, close, drip, endless, hold, reset, script
from tests.adapters.shorthands import adapter_cache, make_delivery, make_settings
from tests.adapters.test_receivers import KINDS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from supabase_webhooks.webhooks.deliveries import Attempt

pytestmark = pytest.mark.anyio

TIMEOUT = 0.4


@pytest.fixture(params=[("asyncio", {"use_uvloop": True})], ids=["as workers"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """The workers' loop."""
    return request.param


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context and the certificate that it is verified with."""
    context, crt = certificate(tmp_path_factory.mktemp("authority"), "IP:127.0.0.1")
    return context, crt


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, authority: tuple[ssl.SSLContext, Path]) -> tuple[ssl.SSLContext, Path] | None:
    """None, or a server's context and certificate."""
    return authority if request.param == "tls" else None


def failed_properly(result: Attempt) -> None:
    """Check that an attempt failed by the server's fault, and says so in our words."""
    assert not result.permanent, result
    assert not str(result.error).startswith("internal error"), result


# SQS


async def test_sqs() -> None:
    """All that receivers of HTTP do; plain."""
    session.cache_clear()
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "hosts": "127.0.0.1"}
    settings = {"credentials": {"p": keys}, "timeout_seconds": TIMEOUT}

    async def exchanges() -> int:
        count = 0
        for behavior, _ in KINDS.values():
            with receivers.receiver(behavior) as raw:
                async with adapter_cache(**settings) as adapters:
                    deliveries = [
                        make_delivery(
                            f"sqs://127.0.0.1:{raw.port}/123456789012/q?region=us-east-1"
                            f"&endpoint_url={raw.url.rstrip('/')}",
                            credentials_profile="p",
                            body=f'{{"x":"{"y" * size}"}}',
                        )
                        # the large ones travel alone
                        for size in [10] * 10 + [700_000] * 12
                    ]
                    many = [attempt(one, adapters, make_settings(**settings)) for one in deliveries]
                    for result in await asyncio.gather(*many):
                        failed_properly(result)
                count += len(raw.requests)
        return count

    await again_and_again(exchanges, at_least=1000)


# Pub/Sub


def frame(kind: int, flags: int, stream: int, payload: bytes = b"", *, length: int | None = None) -> bytes:
    """Return a frame of HTTP/2 (RFC 9113, section 4.1)."""
    size = len(payload) if length is None else length
    return size.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def again(data: bytes) -> Callable[[Any], None]:
    """Return a step that sends something forever."""

    def send(sock: Any) -> None:
        while True:
            sock.sendall(data)

    return send


DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
HELLO = frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0)
#: ":status: 200" and "content-type: application/grpc" (RFC 7541).
HEAD = b"\x88\x40\x0ccontent-type\x10application/grpc"
RESPONSE = HELLO + frame(HEADERS, 4, 1, HEAD)
TRAILER = b"\x40\x0bgrpc-status\x010"

GRPC: dict[str, Script] = {
    "nothing": script(close),
    "a reset": script(reset),
    "silence": script(hold, reads=False),
    "another protocol": script(b"HTTP/1.1 400 No\r\n\r\n", close),
    "rubbish": script(b"rubbish" * 99, hold),
    "rubbish without end": script(endless),
    "a byte now and then": script(drip),
    "a greeting, and silence": script(HELLO, hold),
    "a greeting, and a reset": script(HELLO, reset),
    "greetings without end": script(HELLO, again(frame(SETTINGS, 0, 0, b"\0\x03\0\0\0\x64"))),
    "pings without end": script(HELLO, again(frame(PING, 0, 0, b"12345678"))),
    "it goes away": script(HELLO, frame(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\x0b"), close),
    "it resets the stream": script(HELLO, frame(RST, 0, 1, b"\0\0\0\x02"), hold),
    "a frame of 16 MB": script(HELLO, frame(HEADERS, 4, 1, length=0xFFFFFF), endless),
    "headers without end": script(
        HELLO, frame(HEADERS, 0, 1, HEAD), again(frame(CONTINUATION, 0, 1, b"\0\x01x\x01y" * 9))
    ),
    "a head, and silence": script(RESPONSE, hold),
    "2 GB announced": script(
        RESPONSE, frame(DATA, 0, 1, b"\0\x7f\xff\xff\xff"), again(frame(DATA, 0, 1, b"x" * 16000))
    ),
    "empty data without end": script(RESPONSE, again(frame(DATA, 0, 1))),
    "no message": script(RESPONSE, frame(HEADERS, 5, 1, TRAILER), hold),
    "no ids": script(RESPONSE, frame(DATA, 0, 1, b"\0\0\0\0\0"), frame(HEADERS, 5, 1, TRAILER), hold),
    "no message of its kind": script(
        RESPONSE, frame(DATA, 0, 1, b"\0\0\0\0\x03abc"), frame(HEADERS, 5, 1, TRAILER), hold
    ),
    "a compressed one": script(RESPONSE, frame(DATA, 0, 1, b"\1\0\0\0\x03abc"), frame(HEADERS, 5, 1, TRAILER), hold),
}


async def test_pubsub(tls: tuple[ssl.SSLContext, Path] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP/2 of every odd kind."""
    ports: list[int] = []
    insecure, secure = grpc.aio.insecure_channel, grpc.aio.secure_channel
    if tls:
        tls[0].set_alpn_protocols(["h2"])
        roots = grpc.ssl_channel_credentials(tls[1].read_bytes())
        monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
        monkeypatch.setattr(pubsub.PubSubAdapter, "_load_credentials", lambda _: Credentials(token="x"))
        monkeypatch.setattr(grpc.aio, "secure_channel", lambda *_, **o: secure(f"127.0.0.1:{ports.pop()}", roots, **o))
    else:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "x")
        monkeypatch.setattr(grpc.aio, "insecure_channel", lambda _, **o: insecure(f"127.0.0.1:{ports.pop()}", **o))

    async def one(delivery: Any) -> Attempt:
        # a channel of its own, to a port of its own: to one that failed gRPC would not connect again for a while
        async with adapter_cache(timeout_seconds=TIMEOUT) as adapters:
            return await attempt(delivery, adapters, make_settings(timeout_seconds=TIMEOUT))

    async def exchanges() -> int:
        count = 0
        for behavior in GRPC.values():
            with ExitStack() as stack:
                raws = [
                    stack.enter_context(receivers.receiver(behavior, context=tls[0] if tls else None))
                    for _ in range(25)
                ]
                ports.extend(raw.port for raw in raws)
                for result in await asyncio.gather(*(one(make_delivery("pubsub://devstack/topic")) for _ in raws)):
                    failed_properly(result)
                    assert not result.delivered
                count += sum(len(raw.requests) for raw in raws)
        return count

    await again_and_again(exchanges, at_least=1000)


# Kafka


class Frames(Raw):
    """Reads Kafka's frames."""

    def _request(self, sock: Any, number: int) -> Script | None:
        size = sock.recv(4)
        left = int.from_bytes(size, "big")
        while left and (part := sock.recv(min(left, 65536))):
            left -= len(part)
        if not size:
            return None
        with self._lock:
            self.requests.append((number, size))
        return self._scripts[0]


RAW_KAFKA: dict[str, Script] = {
    "nothing": script(close),
    "a reset": script(reset),
    "silence": script(hold),
    "another protocol": script(b"HTTP/1.1 400 No\r\n\r\n", close),
    "rubbish without end": script(endless),
    "a byte now and then": script(drip),
    "2 GB announced": script(b"\x7f\xff\xff\xff", endless),
    "100 MB announced": script((100_000_000).to_bytes(4, "big"), endless),
    "what just fits announced": script((64 * 1024).to_bytes(4, "big"), drip),
    "a negative length": script(b"\xff\xff\xff\xff", endless),
    "no length": script(again(b"\0\0\0\0")),
    "another's response": script(again(b"\0\0\0\x08\x7f\0\0\0\0\0\0\0")),
}


class Hostile(Broker):
    """Responds to one API with bytes of another hand."""

    def __init__(self, api: int, response: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._api, self._response, self.asked = api, response, 0

    def respond(self, api: int, version: int, body: Reader) -> bytes:
        """Return a response's body."""
        self.asked += 1
        right = super().respond(api, version, body)
        return self._response(right) if api == self._api else right


def crowd(_: bytes) -> bytes:
    """Return metadata of a thousand brokers."""
    named = b"".join(struct.pack(">ih9sih", n, 9, b"127.0.0.1", 1 + n, -1) for n in range(1000))
    return struct.pack(">ii", 0, 1000) + named + struct.pack(">hiii", -1, 0, 0, 0)[:10] + b"\0\0\0\0"


BROKEN: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    **{
        f"{name}, {api}": (api, change)
        for api in (VERSIONS, METADATA, PRODUCE)
        for name, change in {
            "cut": lambda right: right[: len(right) // 2],
            "empty": lambda _: b"",
            "counts that are none": lambda right: right[:4] + b"\x7f\xff\xff\xff" + right[8:],
            "all ones": lambda right: b"\xff" * len(right),
            "too long": lambda right: right + b"x" * 1_000_000,
        }.items()
    },
    "a crowd": (METADATA, crowd),
}
#: librdkafka 2.16 ends the process with a segmentation fault: see docs/protocols/kafka.md.
del BROKEN[f"all ones, {METADATA}"]


async def test_kafka(tls: tuple[ssl.SSLContext, Path] | None) -> None:
    """Frames of every odd kind, and brokers by the thousand."""
    settings: dict[str, Any] = {"timeout_seconds": TIMEOUT}
    if tls:
        settings["credentials"] = {"p": {"ca_file": str(tls[1])}}
    context = tls[0] if tls else None

    async def one(port: int) -> None:
        url = f"kafka://127.0.0.1:{port}/t{'?tls=true' if tls else ''}"
        async with adapter_cache(**settings) as adapters:
            delivery = make_delivery(url, credentials_profile="p" if tls else None)
            result = await attempt(delivery, adapters, make_settings(**settings))
        failed_properly(result)
        assert not result.delivered

    async def exchanges() -> int:
        count = 0
        for behavior in RAW_KAFKA.values():
            raw = Frames([behavior], context, ("127.0.0.1", 0))
            try:
                await asyncio.gather(*(one(raw.port) for _ in range(20)))
            finally:
                raw.close()
            count += len(raw.requests)
        for api, change in BROKEN.values():
            if tls and change is crowd:
                continue  # it has nothing to do with TLS, and a context for each takes its time
            hostile = Hostile(api, change)
            with kafka(hostile, context) as broker:
                await asyncio.gather(*(one(broker.port) for _ in range(1 if change is crowd else 20)))
            count += hostile.asked
        await eventually(lambda: not any(thread.name == "kafka_closing" for thread in threading.enumerate()))
        return count

    await again_and_again(exchanges, at_least=1000)
