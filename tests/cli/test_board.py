"""`webhooks listen` in a terminal: a list, and keys, over the real REST API."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import stat
import sys
import termios
import time
from typing import TYPE_CHECKING

import pytest

from devstack.receiver import Receiver, Reply
from tests.cli.conftest import environment
from tests.cli.test_terminal import COLORS, HOSTILE
from tests.cli.typing_terminal import Terminal
from tests.unit.test_plain import CONTROLS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import System

#: The screen that is left at the end, and what a list needs besides colors (xterm's control sequences).
ALTERNATE, NORMAL = "\x1b[?1049h", "\x1b[?1049l"
DRAWING = re.compile(r"\x1b\[(\?1049[hl]|\?25[hl]|H|[0-9;]*m)|\r\n")


def listening(system: System, *arguments: str, size: tuple[int, int] = (24, 80), **variables: str) -> Terminal:
    """Return a listener in a terminal of this size."""
    return Terminal(
        [sys.executable, "-m", "supabase_webhooks.webhooks.cli", "listen", *arguments],
        variables={**environment(system.settings()), "TERM": "xterm-256color", **variables}, size=size,
    )  # fmt: skip


def screen(terminal: Terminal) -> list[str]:
    """Return the lines of the list that was drawn last, to its end."""
    drawn = next(part for part in reversed(terminal.shown.split("\x1b[H")) if "q quit" in part)
    return [COLORS.sub("", line).rstrip() for line in drawn.split("\r\n")]


def settled(terminal: Terminal) -> None:
    """Wait for the list to be drawn."""
    terminal.until("Waiting for deliveries.")
    terminal.until("q quit")


def test_read_retry_copy_open_quit(system: System, tmp_path: Path) -> None:
    """Each key does what the help line says; at the end the terminal is as it was, and nothing is left."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(browser.stat().st_mode | stat.S_IEXEC)
    statuses = [500, 200, 200]
    variables = {"BROWSER": f"{browser} %s", "WEBHOOKS_GATEWAY_URL": "https://gateway.example.com/"}
    with (
        Receiver(answer=lambda _: Reply(statuses[min(len(app.received), 2)], b'{"said": "by the app"}')) as app,
        listening(system, "--forward", app.url, **variables) as terminal,
    ):
        settled(terminal)
        assert ALTERNATE in terminal.shown
        system.dispatch()
        terminal.until("user.joined_community")
        system.wait_for_status("failed", 1)
        (row,) = system.rows()
        line = next(line for line in screen(terminal) if "user.joined_community" in line)
        assert re.match(r"> \d\d:\d\d:\d\d  ✕ 500   user\.joined_community  [0-9a-f]{8}  \d+ ms", line), line
        assert str(row["id"])[:8] in line

        terminal.press("\r")
        terminal.until("Payload")
        terminal.press("\x1b[6~")
        terminal.until("by the app")
        terminal.press("\x1b")
        terminal.until("Enter read")

        terminal.press("r")
        terminal.until("attempt 2")
        system.wait_for_status("delivered", 1)
        assert [request.headers["webhook-id"] for request in app.received] == [str(row["id"])] * 2

        terminal.press("c")
        terminal.until("Copied the payload")
        found = re.findall(r"\x1b\]52;c;([^\x07]*)\x07", terminal.shown)
        assert json.loads(base64.b64decode(found[-1])) == row["payload"]

        terminal.press("o")
        terminal.until("Opened https://gateway.example.com/deliveries/")
        assert opened.read_text() == f"https://gateway.example.com/deliveries/{row['id']}"

        terminal.press("q")
        terminal.until("Received 2, of which 1 failed.")
        assert terminal.process.wait(timeout=60) == 0
        assert terminal.shown.count(ALTERNATE) == terminal.shown.count(NORMAL) == 1
        assert terminal.slave is not None
        assert termios.tcgetattr(terminal.slave) == terminal.before
    assert system.db.execute("select from public.webhook_configurations").rowcount == 0


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_by_a_signal(system: System, end: signal.Signals) -> None:
    """Ctrl-C, a stop, a closed window: the screen, the cursor and the settings are given back."""
    with listening(system) as terminal:
        settled(terminal)
        os.kill(terminal.process.pid, end)
        terminal.until("Received 0")
        assert terminal.process.wait(timeout=60) == 0
        assert terminal.shown.rindex(NORMAL) > terminal.shown.rindex("Waiting")
        assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")
        assert terminal.slave is not None
        assert termios.tcgetattr(terminal.slave) == terminal.before
    assert system.db.execute("select from webhooks.listeners").rowcount == 0


def test_the_list_moves_and_fits(system: System) -> None:
    """The newest is chosen until another one is; no line is wider than the terminal, also after it was resized."""
    with listening(system, size=(10, 60)) as terminal:
        settled(terminal)
        system.dispatch(12)
        system.wait_for_status("delivered", 12)
        terminal.press("k")
        terminal.until("q quit")
        time.sleep(0.5)
        terminal.press("x")
        terminal.until("q quit")
        ids = [str(row["id"])[:8] for row in system.rows()]
        lines = screen(terminal)
        assert len(lines) == 10
        assert max(map(len, lines)) <= 60
        (chosen,) = [line for line in lines if line.startswith(">")]
        # someone has chosen: what comes does not move it
        system.dispatch()
        system.wait_for_status("delivered", 13)
        terminal.press("x")
        terminal.until("q quit")
        assert [line for line in screen(terminal) if line.startswith(">")] == [chosen]
        terminal.press("\x1b[H")
        terminal.until("q quit")
        terminal.press("x")
        terminal.until("q quit")
        assert any(line.startswith(">") and any(one in line for one in ids) for line in screen(terminal))
        terminal.resize(30, 100)
        terminal.until("q quit")
        assert len(screen(terminal)) == 30
        assert sum("user.joined_community" in line for line in screen(terminal)) == 13
        terminal.press("q")
        terminal.until("Received 13")


def test_hostile_payloads(system: System) -> None:
    """What a user of the app wrote draws nothing, names no window and copies nothing, in the list or opened."""
    with listening(system) as terminal:
        settled(terminal)
        system.dispatch(1, {"community_id": "c", "community_name": HOSTILE, "community_city": "the end"})
        terminal.until("user.joined_community")
        terminal.press("\r")
        terminal.until("Payload")
        for _ in range(8):
            terminal.press("\x1b[6~")
            time.sleep(0.1)
        terminal.press("x")
        terminal.until("the end")
        terminal.press("q")
        terminal.until("Received 1")
    drawn = DRAWING.sub("", terminal.shown)
    assert [one for one in CONTROLS if one in drawn] == []
    assert "pwned" in drawn


def test_nothing_to_do_yet(system: System) -> None:
    """Keys without a delivery, and a dashboard that no one has named: it is said in words."""
    with listening(system, WEBHOOKS_GATEWAY_URL="javascript:alert(1)") as terminal:
        settled(terminal)
        for key in "rco":
            terminal.press(key)
            terminal.until("There is no delivery yet.")
        terminal.press("\r")
        system.dispatch()
        terminal.until("user.joined_community")
        terminal.press("o")
        terminal.until("Set WEBHOOKS_GATEWAY_URL to the http(s) address")
        terminal.press("q")
        terminal.until("Received 1")


def test_without_color(system: System) -> None:
    """NO_COLOR leaves the shapes; a terminal without capabilities, a pipe and --once have no list."""
    with listening(system, NO_COLOR="1") as terminal:
        settled(terminal)
        system.dispatch()
        terminal.until("● 200")
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", terminal.shown)
        terminal.press("q")
        terminal.until("Received 1")
    with listening(system, TERM="dumb") as terminal:
        terminal.until("Ctrl-C ends it")
        system.dispatch()
        terminal.until("returned 200")
        assert ALTERNATE not in terminal.shown
