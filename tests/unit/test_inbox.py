"""The list of `webhooks listen`: what it keeps, and keys that arrive in parts."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from rich.console import Console

from supabase_webhooks.webhooks.cli import inbox, keys
from supabase_webhooks.webhooks.cli.inbox import MOST, Inbox
from supabase_webhooks.webhooks.cli.keys import Keys
from supabase_webhooks.webhooks.cli.listener import Handled
from supabase_webhooks.webhooks.cli.received import Received

if TYPE_CHECKING:
    from collections.abc import Callable


def handled(number: int, *, attempt: int = 1, status: int = 200, body: bytes = b'{"a": 1}') -> Handled:
    """Return a delivery."""
    error = None if status == 200 else f"HTTP {status}"
    received = Received(headers={"webhook-id": str(number)}, body=body, verified=True)
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Handled(f"{number:08}-id", f"event.{number}", attempt, received, status, error, "the response", at, 12)


def shown(box: Inbox, width: int = 80, height: int = 24) -> list[str]:
    """Return the lines of the screen."""
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None, legacy_windows=False)
    options = console.options.update(width=width, height=height)
    return ["".join(part.text for part in line).rstrip() for line in console.render_lines(box, options, pad=False)]


def test_the_last_thousand() -> None:
    """Older ones go, but not the one that someone reads; it says so."""
    box = Inbox()
    for number in range(MOST):
        box.add(handled(number))
    assert shown(box)[1] == "1,000 received, 0 failed"
    box.move(-MOST)
    box.read()
    for number in range(MOST, 2 * MOST + 5):
        box.add(handled(number))
    assert box.chosen
    assert box.chosen.event == "event.0"
    assert shown(box)[1:3] == ["2,005 received, 0 failed, the last 1,000 are listed", "event.0"]
    box.leave()
    lines = shown(box)
    assert (lines[2][-7:], lines[3][-10:]) == ("event.0", "event.1006")


def test_their_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large payloads leave earlier."""
    monkeypatch.setattr(inbox, "MOST_BYTES", 1000)
    box = Inbox()
    for number in range(50):
        box.add(handled(number, body=b"x" * 300))
    assert [line.split()[-1] for line in shown(box)[2:5]] == ["event.47", "event.48", "event.49"]


def test_attempts_stay_with_their_delivery() -> None:
    """In its place; what came of the earlier ones is read there, the last twenty of them."""
    box = Inbox()
    for number in range(3):
        box.add(handled(number, status=500))
    box.move(-1)
    for attempt in range(2, 30):
        box.add(handled(1, attempt=attempt, status=500 + attempt))
    rows = shown(box)[2:5]
    assert [row.partition("event.")[2] for row in rows] == ["0", "1  attempt 29", "2"]
    assert rows[1].startswith("> ")
    box.read()
    lines = shown(box, height=80)
    assert [line[12:15] for line in lines if "✕" in line] == ["529", *(str(n) for n in range(509, 529))]


@pytest.mark.parametrize("height", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("width", [1, 5, 60])
def test_any_size(width: int, height: int) -> None:
    """As narrow and low as a window can be made, what is said is folded."""
    box = Inbox()
    box.title, box.said = "the title " * 9, "said " * 99
    for _ in range(2):
        assert max(map(len, shown(box, width, height))) <= width
        for number in range(20):
            box.add(handled(number))
        assert max(map(len, shown(box, width, height))) <= width
        box.read()


def test_what_is_said_is_whole() -> None:
    """On as many lines as it needs."""
    box = Inbox()
    box.said = "No browser here opens https://webhooks.example.com/deliveries/3f2a0000-0000-4000-8000-000000000001"
    lines = shown(box, 60, 10)
    assert len(lines) == 10
    assert "".join(lines[-2:]).endswith("000000000001")


def pressed(parts: list[bytes], patience: float, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the keys of what arrives in parts, until an x."""
    monkeypatch.setattr(keys, "PATIENCE", patience)
    master, slave = pty.openpty()
    found: list[str] = []

    async def until(so: Callable[[], bool]) -> None:
        while not so():  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0)

    async def run() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def press(key: str) -> None:
            found.append(key)
            if key == "x":
                done.set()

        with Keys(press, done.set) as reading:
            for part in parts:
                os.write(master, part)
                # it has been read, and is either pressed or waits for the rest
                await until(lambda: bool(reading._typed or found))
                await until(lambda: patience > 1 or not reading._typed)
            loop.call_later(60, done.set)
            await done.wait()

    with os.fdopen(slave) as stdin, patch.object(sys, "stdin", stdin):
        asyncio.run(run())
    os.close(master)
    return found


def test_a_key_in_two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a slow connection: it is one key; Escape alone is one, too."""
    assert pressed([b"\x1b", b"[B", b"\x1b[5~jx"], 30, monkeypatch) == ["down", "page up", "j", "x"]
    assert pressed([b"\x1b", b"\x1b[1;5A", b"x"], 0.01, monkeypatch) == ["escape", "\x1b[1;5A", "x"]
