"""What is kept of a response's headers, from real servers: bounded, readable, without secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supabase_webhooks.workers.adapters.kept import BYTES, CHARACTERS, HEADERS, HIDDEN, kept
from tests.adapters.shorthands import deliver
from tests.adapters.test_http import server

if TYPE_CHECKING:
    import asyncio

pytestmark = pytest.mark.anyio

SECRET_LINES = [
    "Set-Cookie: sid=pssst",
    "Authorization: pssst",
    "Proxy-Authorization: pssst",
    "X-Api-Key: pssst",
    "X-CSRF-Token: pssst",
    "Webhook-Signature: v1,pssst",
    "X-Echo: Bearer pssst",
]


async def response_headers(*lines: bytes, status: bytes = b"200 OK") -> dict[str, str] | None:
    """Deliver to a server that sends these lines, and return what the attempt keeps."""

    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: 0", *lines, b"", b""]))
        await writer.drain()

    async with server(respond) as url:
        return (await deliver(url)).response_headers


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found", b"500 Oops", b"302 Found"])
async def test_kept_whatever_the_status(status: bytes) -> None:
    """By lower-case name; a name that comes twice is one list."""
    headers = await response_headers(b"X-Request-Id: 7", b"Via: a", b"Via: b", status=status)
    assert headers == {"content-length": "0", "x-request-id": "7", "via": "a, b"}


@pytest.mark.parametrize("line", SECRET_LINES)
async def test_no_secret_is_kept(line: str) -> None:
    """Its name tells that it was sent, even when it comes twice."""
    headers = await response_headers(line.encode(), line.encode())
    assert headers == {"content-length": "0", line.partition(":")[0].lower(): HIDDEN}


async def test_latin_1_and_long_values() -> None:
    """Bytes that are not UTF-8 are read as Latin-1; of a long value the start is kept."""
    headers = await response_headers(b"X-Name: caf\xe9", b"X-Utf: caf\xc3\xa9", b"X-Long: " + b"x" * 3000)
    assert headers == {"content-length": "0", "x-name": "café", "x-utf": "café", "x-long": "x" * CHARACTERS}
    headers = await response_headers(b"X-Long: x" + "é".encode() * 1500)
    assert headers == {"content-length": "0", "x-long": "x" + "é" * (CHARACTERS - 1)}


async def test_few_are_kept() -> None:
    """Of many headers the first."""
    headers = await response_headers(*[b"X-%d: y" % number for number in range(90)])
    assert headers
    assert len(headers) == HEADERS
    assert "x-28" in headers


VALUES = st.binary(max_size=2000) | st.text('"\\\x00é', max_size=900).map(str.encode)


@given(st.lists(st.tuples(st.binary(max_size=600), VALUES)))
def test_any_bytes_fit_the_database(headers: list[tuple[bytes, bytes]]) -> None:
    """Whatever comes: printable text, and below the database's 4 KB with all of JSON's escapes."""
    result = kept(headers)
    assert all(name.isprintable() and value.isprintable() for name, value in result.items())
    assert len(result) <= HEADERS
    assert sum(len(name.encode()) + len(value.encode()) for name, value in result.items()) <= BYTES
    assert len(json.dumps(result, ensure_ascii=False).encode()) <= 4096
