"""Why an exchange failed, in words: what cannot be had from a real network at will."""

from __future__ import annotations

import errno
import socket
import ssl

import httpx
import pytest

from supabase_webhooks.workers.adapters.failures import described

CAUSES = {
    "name server": (socket.gaierror(socket.EAI_AGAIN, "again"), "the name server cannot resolve the URL's host"),
    "no name": (socket.gaierror(socket.EAI_NONAME, "unknown"), "the URL's host does not resolve"),
    "refused": (ConnectionRefusedError(errno.ECONNREFUSED, "('10.0.0.1', 80)"), "connection refused"),
    "no route": (OSError(errno.EHOSTUNREACH, "('10.0.0.1', 80)"), "the URL's host is unreachable"),
    "no network": (OSError(errno.ENETUNREACH, "('10.0.0.1', 80)"), "the URL's host is unreachable"),
    "TLS": (ssl.SSLError(1, "the server sent data before TLS"), "the server does not speak TLS correctly: "),
    "else": (OSError(errno.EPROTO, "odd"), "no connection: text"),
    "no cause": (None, "no connection: text"),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
def test_no_connection(name: str) -> None:
    """The cause decides; addresses of the network are not repeated."""
    cause, said = CAUSES[name]
    error = httpx.ConnectError("text")
    error.__cause__ = cause
    assert described(error).startswith(said)
    assert "10.0.0.1" not in described(error)
