"""Connecting: several addresses, and the authorities that a certificate may come from."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.webhooks.errors import SettingsError
from tests.adapters.receivers import OK, certificate, receiver, script
from tests.adapters.shorthands import deliver, make_settings
from tests.adapters.test_ssrf import REFUSED, names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["names"]

pytestmark = pytest.mark.anyio

#: Addresses of loopback; a receiver listens on the first.
LIVE, SILENT, CLOSED = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Both loops connect in their own way."""
    return "asyncio", {"use_uvloop": request.param}


def silent(port: int) -> list[socket.socket]:
    """Swallow all further SYNs at SILENT: its queue is full."""
    listening = socket.create_server((SILENT, port), backlog=0)
    waiting = []
    for _ in range(3):
        one = socket.socket()
        one.setblocking(False)  # noqa: FBT003 - its name
        one.connect_ex((SILENT, port))
        waiting.append(one)
    return [listening, *waiting]


@pytest.fixture
def port() -> Iterator[int]:
    """A receiver's port at LIVE; at SILENT it does not respond to a SYN, at CLOSED nothing listens."""
    with receiver(script(OK)) as raw:
        sockets = silent(raw.port)
        yield raw.port
        for one in sockets:
            one.close()


@pytest.mark.parametrize(
    ("addresses", "longest"),
    [
        ([LIVE], 200),
        ([CLOSED, LIVE], 200),
        ([SILENT, LIVE], 450),
        ([SILENT, CLOSED, LIVE], 700),
        ([SILENT, "127.0.0.4", LIVE, SILENT], 700),
        (["::1", SILENT, LIVE], 700),
    ],
)
async def test_several_addresses(
    addresses: list[str], longest: int, port: int, names: dict[str, list[list[str]]]
) -> None:
    """One that swallows SYNs does not use up the attempt."""
    names["hook.example"] = [addresses]
    result = await deliver(f"http://hook.example:{port}/", timeout_seconds=5)
    assert (result.delivered, result.error) == (True, None)
    assert (250 if SILENT in addresses[:2] else 0) <= result.duration_ms < longest + 300


async def test_none_of_them_answers(port: int, names: dict[str, list[list[str]]]) -> None:
    """The attempt ends within its time, and says why."""
    names["hook.example"] = [[SILENT, CLOSED]]
    result = await deliver(f"http://hook.example:{port}/", timeout_seconds=1)
    assert result.error == "no complete response within 1 s"
    names["hook.example"] = [[CLOSED, "127.0.0.4"]]
    result = await deliver(f"http://hook.example:{port}/", timeout_seconds=1)
    assert result.error == "connection refused"


async def test_each_address_is_checked(port: int, names: dict[str, list[list[str]]]) -> None:
    """Wherever it stands; nothing is connected to."""
    for addresses in ([LIVE, "10.0.0.1"], ["10.0.0.1", LIVE], [SILENT, LIVE, "169.254.169.254"]):
        names["hook.example"] = [addresses]
        result = await deliver(f"http://hook.example:{port}/")
        assert REFUSED in str(result.error)


@pytest.mark.parametrize("host", ["x" * 64 + ".example", "a..example", ".example", "xn--a.example", "%65.example"])
async def test_names_that_are_none(host: str) -> None:
    """No such host: no fault of ours."""
    result = await deliver(f"http://{host}/")
    assert not result.delivered
    assert "internal error" not in str(result.error)


async def test_tls_goes_on_with_the_next_address(tmp_path: Path, names: dict[str, list[list[str]]]) -> None:
    """One of the addresses responds, but not for this name, or not in TLS."""
    (tmp_path / "other").mkdir()
    context, authority = certificate(tmp_path, "DNS:hook.example")
    other, _ = certificate(tmp_path / "other", "DNS:other.example")
    with (
        receiver(script(OK), context=context) as good,
        receiver(script(OK), context=other, at=(CLOSED, good.port)) as bad,
    ):
        url = f"https://hook.example:{good.port}/"
        names["hook.example"] = [[CLOSED, LIVE]]
        result = await deliver(url, ca_bundle=str(authority))
        assert (result.delivered, bad.connections, bad.requests) == (True, 1, [])
        names["hook.example"] = [[CLOSED, "127.0.0.4"]]
        result = await deliver(url, ca_bundle=str(authority))
        assert "the certificate is not accepted" in str(result.error)


async def test_a_bundle(tmp_path: Path) -> None:
    """A file or a folder, alongside the public authorities, which stay."""
    context, authority = certificate(tmp_path, "IP:127.0.0.1")
    (tmp_path / "notes.txt").write_text("no certificate")
    for file in (tmp_path / "key.pem",):
        file.rename(tmp_path / "key.secret")
    (tmp_path / "empty").mkdir()
    with receiver(script(OK), context=context) as raw:
        for bundle in (authority, tmp_path):
            assert (await deliver(raw.url, ca_bundle=str(bundle))).delivered, bundle
        for bundle in ("", str(tmp_path / "empty")):
            result = await deliver(raw.url, ca_bundle=bundle)
            assert "the certificate is not accepted" in str(result.error)


async def test_a_broken_bundle(tmp_path: Path) -> None:
    """The worker's set-up is at fault: deliveries wait. A path that leads nowhere ends the start."""
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nno\n")
    result = await deliver("https://127.0.0.1:1/", ca_bundle=str(tmp_path / "broken.pem"))
    assert (result.permanent, result.health) == (False, "failed")
    assert "WEBHOOKS_CA_BUNDLE" in str(result.error)
    with pytest.raises(SettingsError, match="WEBHOOKS_CA_BUNDLE must be a file or folder"):
        make_settings(ca_bundle=str(tmp_path / "nowhere"))


def test_public_authorities_stay() -> None:
    """With a bundle as without."""
    from supabase_webhooks.workers.adapters.authorities import trusted  # noqa: PLC0415

    assert len(trusted("").get_ca_certs()) > 100
    assert trusted("").verify_mode == ssl.CERT_REQUIRED
