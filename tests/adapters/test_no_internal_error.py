"""Whatever a receiver responds and wherever a URL leads, an attempt ends with an error that says what that was."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.shorthands import deliver
from tests.adapters.test_heads import ANYTHING
from tests.database.test_endpoint_grammar import MADE, changed, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = st.sampled_from(
    ["Content-Type", "Content-Encoding", "Retry-After", "Keep-Alive", "Location", "Connection", "X"]
)
RESPONSES = st.one_of(
    ANYTHING,
    st.builds(
        "HTTP/1.1 {} Why\r\n{}: {}\r\nContent-Length: {}\r\n\r\n".format,
        st.integers(200, 599), HEADER,
        st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30),
        st.integers(0, 20),
    ).map(lambda head: head.encode("latin-1") + b"\xff\xfe\0\xed\xa0\x80 a body of some bytes"),
)  # fmt: skip


class Receiver:
    """Responds with whatever it is given, and closes."""

    def __init__(self) -> None:
        self.response = b""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(5)
                try:
                    sock.recv(65536)
                    sock.sendall(self.response)
                    sock.shutdown(socket.SHUT_WR)
                    sock.recv(65536)
                except OSError:
                    pass

    def close(self) -> None:
        """Stop."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


@pytest.mark.filterwarnings("default::ResourceWarning")
def test_responses(receiver: Receiver) -> None:
    """Any bytes, and every header that is read with any text in it."""
    seen: set[bool] = set()
    with asyncio.Runner() as loop:

        @settings(max_examples=200, deadline=None)
        @given(RESPONSES)
        def end_well(response: bytes) -> None:
            receiver.response = response
            result = loop.run(deliver(receiver.url, timeout_seconds=5))
            seen.add(result.delivered)
            assert "internal error" not in str(result.error), response

        end_well()
    assert seen == {True, False}


def test_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that the grammar lets through; every name leads to a port where nothing listens."""
    real = socket.getaddrinfo

    def nobody(_: Any, port: Any, *more: Any, **options: Any) -> Any:
        return real("127.0.0.3", 9 if port else port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    seen: list[str] = []
    with asyncio.Runner() as loop:

        @settings(max_examples=400, deadline=None)
        @given(st.one_of(MADE, changed()))
        def end_well(url: str) -> None:
            if parsed(url) is not None or not url.strip().lower().startswith("http"):
                return
            seen.append(url)
            result = loop.run(deliver(url, timeout_seconds=5))
            assert not result.delivered
            assert "internal error" not in str(result.error), url

        end_well()
    assert len(seen) > 20
