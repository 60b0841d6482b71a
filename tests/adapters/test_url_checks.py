"""What a worker finds of an endpoint's URL: on real servers, each with a warning that names cause and cure."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from supabase_webhooks.webhooks.deliveries import UrlCheck
from supabase_webhooks.webhooks.errors import SetupError
from supabase_webhooks.workers.probe import warning
from tests.adapters.receivers import OK, receiver, script
from tests.adapters.shorthands import make_settings
from tests.adapters.test_ssrf import names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["names"]

pytestmark = pytest.mark.anyio

Names = dict[str, list[list[str]]]


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Both loops report a handshake in their own way."""
    return "asyncio", {"use_uvloop": request.param}


async def found(url: str, profile: str | None = None, **settings: Any) -> str | None:
    """Check a URL."""
    return await warning(UrlCheck(id="c", url=url, credentials_profile=profile), make_settings(**settings))


def free_port() -> int:
    """Return a port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Authority:
    """A certificate authority with certificates of any time and name; its own, and the servers', lie in a folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Authority of the tests")])
        self.bundle = directory / "authority.pem"
        root = self._certificate(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.bundle.write_bytes(root.public_bytes(Encoding.PEM))

    def server(self, name: str = "hook.example", *, since: int = -1, until: int = 1) -> ssl.SSLContext:
        """Return the context of a server whose certificate is valid between this many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        crt = self._certificate(subject, key, names, since=since, until=until)
        file = self._directory / "server.pem"
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + crt.public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certificate(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        *,
        since: int = -9,
        until: int = 9,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now + timedelta(days=since),
            not_valid_after=now + timedelta(days=until),
        )
        return builder.add_extension(extension, critical=False).sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that workers know by its bundle."""
    return Authority(tmp_path)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections, and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def mail() -> Iterator[int]:
    """The port of a server that sends data as soon as a client connects."""

    def greet() -> None:
        with suppress(OSError):
            sock, _ = listening.accept()
            with sock:
                sock.sendall(b"220 mail.example ESMTP\r\n")
                sock.recv(4096)

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=greet)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


async def test_a_url_in_order(authority: Authority, names: Names) -> None:
    """No warning, and the receiver saw a connection and nothing else: plain, by TLS, as a broker, and as a queue."""
    names["hook.example"] = [["127.0.0.1"]]
    profile = {"credentials": {"mesh": {"ca_file": str(authority.bundle)}}}
    with receiver(script(OK)) as plain, receiver(script(OK), context=authority.server()) as secured:
        for url, settings in (
            (plain.url, {}),
            (f"https://hook.example:{secured.port}/hook?token=geheim", {"ca_bundle": str(authority.bundle)}),
            (f"kafka://127.0.0.1:{plain.port}/topic", {}),
            (f"kafka://hook.example:{secured.port}/topic?tls=true", {"ca_bundle": str(authority.bundle)}),
            (f"sqs://q?region=us-east-1&endpoint_url=http://127.0.0.1:{plain.port}", {}),
        ):
            assert await found(url, **settings) is None, url
        assert await found(f"kafka://hook.example:{secured.port}/topic?tls=true", "mesh", **profile) is None
        assert (plain.connections, secured.connections) == (3, 3)
        assert plain.requests == secured.requests == []


@pytest.mark.parametrize("url", ["pubsub://project-one/topic", "sqs://q?region=us-east-1"])
async def test_the_providers_own_hosts_are_theirs(url: str) -> None:
    """Nothing of the URL names one, and a proxy may lead to them."""
    assert await found(url, allowed_networks="") is None


@pytest.mark.parametrize(
    "url",
    [
        "https://nowhere.invalid/hook?token=geheim",
        "kafka://nowhere.invalid:9092/topic",
        "sqs://q?region=us-east-1&endpoint_url=https://nowhere.invalid",
    ],
)
@pytest.mark.parametrize("error", [socket.EAI_NONAME, socket.EAI_AGAIN])
async def test_no_such_name(url: str, error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the resolver says of a name that there is not, or when it has no server to ask."""

    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(error, "as the resolver says")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    text = {
        socket.EAI_NONAME: "The name nowhere.invalid does not resolve: check its spelling.",
        socket.EAI_AGAIN: "The name server cannot resolve nowhere.invalid at the moment: check the name, and the"
        " workers' DNS.",
    }[error]
    assert await found(url) == text


async def test_a_name_of_the_machines_own_resolver() -> None:
    """Whatever its DNS returns, the warning names the host."""
    assert "nowhere.invalid" in str(await found("https://nowhere.invalid/"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://10.0.0.5/hook", "10.0.0.5"),
        ("https://[fd00::5]/hook", "fd00::5"),
        ("https://hook.example/", "hook.example resolves to 10.0.0.5, which"),
        ("https://169.254.169.254/latest/meta-data", "169.254.169.254"),
        ("kafka://hook.example:9092/topic", "hook.example resolves to 10.0.0.5, which"),
        ("sqs://q?region=us-east-1&endpoint_url=https://10.0.0.5", "10.0.0.5"),
    ],
)
async def test_a_private_address(url: str, name: str, names: Names) -> None:
    """It is not connected to."""
    names["hook.example"] = [["93.184.216.34", "10.0.0.5"]]
    text = f"Deliveries will fail: {name} is not a public address; WEBHOOKS_ALLOWED_NETWORKS can allow its network."
    assert await found(url, allowed_networks="") == text


async def test_a_private_address_sees_no_connection() -> None:
    """The rules of deliveries hold: the address is looked at first."""
    with receiver(script(OK)) as raw:
        assert "is not a public address" in str(await found(raw.url, allowed_networks=""))
        assert raw.connections == 0


@pytest.mark.parametrize(
    ("days", "bundled", "host", "reason", "cure"),
    [
        ((-9, -1), True, "hook.example", "certificate has expired", "renew it"),
        ((1, 9), True, "hook.example", "certificate is not yet valid", "correct the receiver's clock, or wait"),
        ((-1, 1), False, "hook.example", "unable to get local issuer certificate", "have the receiver send"),
        ((-1, 1), True, "other.example", "certificate is not valid for 'other.example'", "correct the URL's host"),
        ((-1, 1), True, "127.0.0.1", "certificate is not valid for '127.0.0.1'", "use the name"),
    ],
)
@pytest.mark.parametrize("form", ["https://{}/", "kafka://{}/topic?tls=true"])
async def test_a_certificate(
    days: tuple[int, int], bundled: bool, host: str, reason: str, cure: str, form: str, authority: Authority,
    names: Names,
) -> None:  # fmt: skip
    """Each fault has a cure of its own."""
    names["hook.example"] = names["other.example"] = [["127.0.0.1"]]
    with receiver(script(OK), context=authority.server(since=days[0], until=days[1])) as raw:
        bundle = str(authority.bundle) if bundled else ""
        text = str(await found(form.format(f"{host}:{raw.port}"), ca_bundle=bundle))
    assert text.startswith(f"The certificate of {host}:{raw.port} is not accepted (")
    assert reason in text
    assert f"): {cure}" in text


async def test_a_self_signed_certificate(tmp_path: Path, names: Names) -> None:
    """As `openssl req -x509` makes them."""
    names["hook.example"] = [["127.0.0.1"]]
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook.example")])
    now = datetime.now(UTC)
    crt = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1)).sign(
        key, hashes.SHA256()
    )
    file = tmp_path / "self.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + crt.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with receiver(script(OK), context=context) as raw:
        assert await found(f"https://hook.example:{raw.port}/") == (
            f"The certificate of hook.example:{raw.port} is not accepted (self-signed certificate): use one from a"
            " public authority, or add it to the workers' WEBHOOKS_CA_BUNDLE."
        )


async def test_a_port_that_speaks_no_tls(silent: int, mail: int) -> None:
    """One that says something else, and one that says nothing, within the timeout."""
    assert (await found(f"https://127.0.0.1:{mail}/") or "").startswith(
        f"127.0.0.1:{mail} does not speak TLS correctly ("
    )
    assert await found(f"https://127.0.0.1:{silent}/", timeout_seconds=0.3) == (
        f"127.0.0.1:{silent} does not respond within 0.3 s: check the port and firewalls."
    )


@pytest.mark.parametrize(
    "form", ["http://{}/", "https://{}/", "kafka://{}/topic", "sqs://q?region=us-east-1&endpoint_url=http://{}"]
)
async def test_a_refused_connection(form: str) -> None:
    """Nothing listens there."""
    at = f"127.0.0.1:{free_port()}"
    text = str(await found(form.format(at)))
    assert text.startswith(f"{at} does not accept connections (")
    assert text.endswith("): check the port, the firewall and the receiver.")


async def test_the_first_broker_that_fails_is_named() -> None:
    """The others may be in order."""
    with receiver(script(OK)) as raw:
        port = free_port()
        url = f"kafka://127.0.0.1:{raw.port},127.0.0.1:{port}/topic"
        assert f"127.0.0.1:{port} does not accept connections" in str(await found(url))


@pytest.mark.parametrize(
    ("url", "profile", "text"),
    [
        ("http://hook.example/", None, "the URL is plain http; use https, or set WEBHOOKS_ALLOW_HTTP=true"),
        ("kafka://b:9092/t", "nowhere", "the endpoint's credentials_profile 'nowhere' is not in WEBHOOKS_CREDENTIALS"),
        ("kafka://b:9092/t", "torn", "the credentials profile's ca_file, /nowhere.pem, has no PEM certificates ("),
        ("gopher://hook.example/", None, None),
    ],
)
async def test_what_these_workers_do_not_deliver(url: str, profile: str | None, text: str | None) -> None:
    """By their settings. Of a scheme that an entry point adds, nothing is known."""
    settings = {"allow_http": False, "credentials": {"torn": {"ca_file": "/nowhere.pem"}}}
    result = await found(url, profile, **settings)
    assert result is None if text is None else str(result).startswith(f"Deliveries will fail: {text}")


async def test_a_fault_of_the_process_is_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no file left, or cannot read its certificate authorities: that tells nothing of the URL."""

    async def connect(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with receiver(script(OK)) as raw:
        monkeypatch.setattr("supabase_webhooks.workers.adapters.transport.connected", connect)
        with pytest.raises(Exception, match="Too many open files"):
            await found(raw.url)
    with pytest.raises(SetupError, match="WEBHOOKS_CA_BUNDLE"):
        await found("https://hook.example/", ca_bundle=__file__)
