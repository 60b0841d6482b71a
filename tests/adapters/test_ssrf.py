"""No endpoint leads a worker to an address that is not public, however it is written and whatever DNS says."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from devstack.brokers import Kafka
from devstack.receiver import Receiver
from tests.adapters.shorthands import deliver
from tests.conftest import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

REFUSED = "is not a public address; WEBHOOKS_ALLOWED_NETWORKS can allow its network"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """DNS responses by name: one list of addresses per look-up, the last one forever."""
    responses: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in responses:
            return real(host, port, *more, **options)
        lookups = responses[name]
        found = lookups.pop(0) if len(lookups) > 1 else lookups[0]
        return [one for address in found for one in real(address, port, *more, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return responses


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]",
        # forms that the C library reads as 127.0.0.1
        "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "0",
    ],
)  # fmt: skip
async def test_loopback_in_each_form(host: str) -> None:
    """A server that listens there sees nothing."""
    with Receiver() as receiver:
        port = receiver.url.rpartition(":")[2]
        result = await deliver(f"http://{host}:{port}/", allowed_networks="")
        assert receiver.received == []
    assert not result.delivered
    # or the URL is invalid, which each of these says
    assert any(part in str(result.error) for part in (REFUSED, "Invalid IPv4 address", "the URL is malformed"))


async def test_a_name_that_resolves_to_a_private_address(names: dict[str, list[list[str]]]) -> None:
    """Also if only one of its addresses is private; the error names both."""
    names["hook.example"] = [["93.184.216.34", "10.0.0.5"]]
    result = await deliver("https://hook.example/", allowed_networks="")
    assert (result.permanent, result.health) == (False, "failed"), "its deliveries wait behind the circuit"
    assert result.error == f"hook.example resolves to 10.0.0.5, which {REFUSED}"


async def test_rebinding_cannot_win(names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is looked up once: what was checked is connected to, even if the next response would be different."""
    connected: list[str] = []

    async def connect(_: object, __: object, address: tuple[str, int]) -> Any:
        connected.append(address[0])
        raise OSError("as far as this test goes")

    monkeypatch.setattr(type(asyncio.get_running_loop()), "sock_connect", connect)
    with Receiver() as receiver:
        port = receiver.url.rpartition(":")[2]
        names["rebinds.example"] = [["93.184.216.34"], ["127.0.0.1"]]
        await deliver(f"http://rebinds.example:{port}/", allowed_networks="")
        assert receiver.received == []
    assert connected == ["93.184.216.34"]


async def test_an_allowed_network(names: dict[str, list[list[str]]]) -> None:
    """The setting lets deliveries into it, and nowhere else."""
    with Receiver() as receiver:
        port = receiver.url.rpartition(":")[2]
        names["inside.example"] = [["127.0.0.1"]]
        assert (await deliver(f"http://inside.example:{port}/")).delivered
        names["inside.example"] = [["127.0.0.1", "10.0.0.5"]]
        assert REFUSED in str((await deliver(f"http://inside.example:{port}/")).error)


async def test_no_such_name() -> None:
    """May pass: a retryable failure."""
    result = await deliver("http://nowhere.invalid/", allowed_networks="")
    assert not result.permanent
    assert "the URL's host" in str(result.error)
    assert "resolve" in str(result.error)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for hook.example and its key."""
    key, crt = tmp_path / "key.pem", tmp_path / "crt.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", crt, "-subj", "/CN=hook.example", "-addext", "subjectAltName=DNS:hook.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, crt


@pytest.fixture
def tls_port(certificate: tuple[Path, Path]) -> Iterator[int]:
    """A receiver that speaks TLS."""
    key, crt = certificate
    with Receiver() as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        receiver._server.socket = context.wrap_socket(receiver._server.socket, server_side=True)
        yield receiver._server.server_address[1]


async def test_tls_verifies_the_name_and_not_the_address(
    tls_port: int, certificate: tuple[Path, Path], names: dict[str, list[list[str]]]
) -> None:
    """Connected by address, a certificate for the URL's name is asked for and checked."""
    bundle = str(certificate[1])
    names["hook.example"] = names["other.example"] = [["127.0.0.1"]]
    assert (await deliver(f"https://hook.example:{tls_port}/", ca_bundle=bundle)).delivered
    wrong_name = await deliver(f"https://other.example:{tls_port}/", ca_bundle=bundle)
    assert "the certificate is not accepted" in str(wrong_name.error)
    assert not wrong_name.permanent
    assert "the certificate is not accepted" in str((await deliver(f"https://hook.example:{tls_port}/")).error)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254"])
async def test_sqs_compatible_services(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint_url is checked where the connection is made."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with Receiver() as receiver:
        port = receiver.url.rpartition(":")[2]
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://{host}:{port}")
        url = f"sqs://q?region=us-east-1&endpoint_url=http://{host}:{port}"
        result = await deliver(url, allowed_networks="")
        assert receiver.received == []
    assert REFUSED in str(result.error)


async def test_sqs_compatible_services_are_not_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy's own address is all that could be checked."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with Receiver() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://169.254.169.254")
        await deliver("sqs://q?region=us-east-1&endpoint_url=http://169.254.169.254")
        assert proxy.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1"])
async def test_kafka_brokers(host: str) -> None:
    """The brokers of the URL are checked before the client is made."""
    result = await deliver(f"kafka://broker.invalid,{host}:9092/t", allowed_networks="")
    assert REFUSED in str(result.error)


async def test_brokers_that_a_kafka_broker_names(directory: Path) -> None:
    """A broker that is allowed names one that is not: nothing is produced."""
    broker = Kafka(directory, say=quiet, advertised="127.0.0.2")
    broker.start()
    try:
        result = await deliver(f"kafka://127.0.0.1:{broker.port}/t", allowed_networks="127.0.0.1")
    finally:
        broker.stop()
    assert not result.delivered
    assert f"127.0.0.2 {REFUSED}" in str(result.error)
