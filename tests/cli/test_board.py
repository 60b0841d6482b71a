"""`webhooks listen` in a terminal: a list, and keys, over the real REST API."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import stat
import sys
import time
from typing import TYPE_CHECKING

import pytest

from devstack.receiver import Receiver, Reply
from tests.cli.conftest import environment, running
from tests.cli.test_terminal import HOSTILE
from tests.cli.typing_terminal import Terminal
from tests.unit.test_plain import COLORS, CONTROLS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

#: The screen that is left at the end, and what a list needs besides colors (xterm's control sequences).
ALTERNATE, NORMAL = "\x1b[?1049h", "\x1b[?1049l"
DRAWING = re.compile(r"\x1b\[(\?1049[hl]|\?25[hl]|H|[0-9;]*m)|\r\n")
COPIED = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")

#: How the list begins and ends.
EMPTY, LEFT = "Waiting for deliveries.", "Received "

LISTEN = [sys.executable, "-m", "supabase_webhooks.webhooks.cli", "listen"]


def variables(system: System, **more: str) -> dict[str, str]:
    """Return the environment of a listener in a terminal with colors; the tests themselves may run in CI."""
    return {**environment(system.settings()), "TERM": "xterm-256color", "CI": "", **more}


def listening(system: System, *arguments: str, size: tuple[int, int] = (24, 80), **more: str) -> Terminal:
    """Return a listener in a terminal of this size."""
    return Terminal([*LISTEN, *arguments], variables=variables(system, **more), size=size)


def drawing(shown: str) -> list[str]:
    """Return the lines that were drawn last."""
    drawn = shown.rpartition("\x1b[H")[2].partition(NORMAL)[0]
    return [COLORS.sub("", line).rstrip() for line in drawn.split("\r\n")]


def drawn(terminal: Terminal, *texts: str, without: str | None = None) -> list[str]:
    """Wait until all texts are on the screen, as a whole, and one is not; return its lines."""

    def seen(shown: str) -> bool:
        lines = drawing(shown)
        last = "\n".join(lines)
        as_wanted = all(text in last for text in texts) and (without is None or without not in last)
        return ALTERNATE in shown and len(lines) == terminal.lines and as_wanted

    terminal.watch(seen)
    return drawing(terminal.shown)


def left(terminal: Terminal, code: int = 0) -> str:
    """Wait for the end, in the state in which the terminal was; return what was printed after the list."""
    assert terminal.end() == code
    assert terminal.settings() == terminal.before
    assert terminal.shown.count(ALTERNATE) == terminal.shown.count(NORMAL) == 1
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")
    return terminal.shown.partition(NORMAL)[2]


def browser(folder: Path, code: int = 0) -> str:
    """Return a browser's command that writes down what it opens, and prints as browsers do."""
    script = folder / "browser"
    script.write_text(f'#!/bin/sh\necho "Opening in existing browser session."\nprintf %s "$1" > {folder}/opened\n')
    with script.open("a") as file:
        file.write(f"exit {code}\n")
    script.chmod(script.stat().st_mode | stat.S_IEXEC)
    return f"{script} %s"


def test_read_retry_copy_open_quit(system: System, tmp_path: Path) -> None:
    """Each key does what the help line says; at the end the terminal is as it was, and nothing is left."""
    statuses = [500, 200]
    more = {"BROWSER": browser(tmp_path), "WEBHOOKS_GATEWAY_URL": "https://gateway.example.com/"}
    with (
        Receiver(answer=lambda _: Reply(statuses[min(len(app.received), 1)], b'{"said": "by the app"}')) as app,
        listening(system, "--forward", app.url.replace("//", "//me:geheim@"), **more) as terminal,
    ):
        drawn(terminal, EMPTY, "? more")
        system.dispatch()
        lines = drawn(terminal, "user.joined_community", "1 received, 1 failed")
        system.wait_for_status("failed", 1)
        (row,) = system.rows()
        short = str(row["id"])[:8]
        (line,) = [line for line in lines if "user.joined_community" in line]
        assert re.fullmatch(rf"> \d\d:\d\d:\d\d  ✕ 500 +\d+ ms  {short}  user\.joined_community", line), line

        terminal.press("\r")
        drawn(terminal, str(row["id"]), "Headers", f"webhook-id: {row['id']}", "Payload", '"event": "user.joined')
        terminal.press("G")
        drawn(terminal, "Response", '"said": "by the app"')
        terminal.press("\x1b")
        drawn(terminal, "Enter read")

        terminal.press("r")
        drawn(terminal, "● 200", "attempt 2", f"{short}: attempt 2, returned 200", "2 received, 1 failed")
        system.wait_for_status("delivered", 1)
        assert [request.headers["webhook-id"] for request in app.received] == [str(row["id"])] * 2
        terminal.press("\r")
        lines = drawn(terminal, "Earlier attempts")
        assert "✕ 500" in lines[lines.index("Earlier attempts") + 1]
        terminal.press("\x1b")

        terminal.press("c")
        drawn(terminal, f"Copied by your terminal: the payload of {short} (")
        (copied,) = COPIED.findall(terminal.shown)
        assert json.loads(base64.b64decode(copied)) == row["payload"]

        terminal.press("o")
        page = f"https://gateway.example.com/deliveries/{row['id']}"
        # on two lines
        drawn(terminal, "Opened", str(row["id"])[-8:])
        assert (tmp_path / "opened").read_text() == page

        terminal.press("q")
        assert LEFT + "2, of which 1 failed." in left(terminal)
    assert "geheim" not in terminal.shown
    assert "existing browser session" not in terminal.shown
    assert system.db.execute("select from public.webhook_configurations").rowcount == 0


@pytest.mark.parametrize("end", ["\x03", signal.SIGTERM, signal.SIGHUP])
def test_it_ends(system: System, end: str | signal.Signals) -> None:
    """By Ctrl-C, a stop or a closed connection, while something is read: all is given back, and nothing is left."""
    with listening(system) as terminal:
        drawn(terminal, EMPTY)
        system.dispatch()
        drawn(terminal, "user.joined_community")
        terminal.press("\r")
        drawn(terminal, "Payload")
        if isinstance(end, signal.Signals):
            os.kill(terminal.process.pid, end)
        else:
            terminal.press(end)
        assert LEFT + "1, of which 0 failed." in left(terminal)
    assert system.db.execute("select from public.webhook_configurations").rowcount == 0


def test_its_window_is_closed(system: System) -> None:
    """It ends, and its endpoint is deleted, though the terminal and the shell each send it SIGHUP."""
    with listening(system) as terminal:
        drawn(terminal, EMPTY)
        terminal.close()
        while terminal.process.poll() is None:
            terminal.process.send_signal(signal.SIGHUP)
            time.sleep(0.01)
    assert system.db.execute("select from public.webhook_configurations").rowcount == 0


def test_an_error_ends_it(system: System, webhooks: Callable[..., Done]) -> None:
    """It is printed where it can be read: after the list."""
    with listening(system) as terminal:
        drawn(terminal, EMPTY)
        (endpoint,) = system.db.execute("select id from public.webhook_configurations").fetchall()
        assert webhooks("endpoints", "disable", str(endpoint["id"])).code == 0
        assert "endpoint was disabled" in left(terminal, 1)


def test_supabase_restarts(system: System) -> None:
    """The list says so until it is over; a retry meanwhile says why it failed."""
    with listening(system) as terminal:
        drawn(terminal, EMPTY)
        system.dispatch()
        drawn(terminal, "user.joined_community")
        system.wait_for_status("delivered", 1)
        system.supabase.stop()
        drawn(terminal, "Supabase did not respond")
        terminal.press("r")
        drawn(terminal, "Supabase did not respond", "was not sent again: ")
        system.supabase.start()
        drawn(terminal, "1 received, 0 failed", without="claim_for_webhook")
        terminal.press("r")
        drawn(terminal, "attempt 2, returned 200")
        terminal.press("q")
        left(terminal)


def test_it_fits_and_moves(system: System) -> None:
    """The newest is chosen until another one is; what comes moves neither the list nor what is read."""
    with listening(system, size=(10, 60)) as terminal:
        drawn(terminal, EMPTY)
        system.dispatch(30)
        lines = drawn(terminal, "30 received, 0 failed", "q quit  ? more")
        assert max(map(len, lines)) <= 60
        # what fits, the newest last
        rows = [line for line in lines if "user.joined_community" in line]
        assert len(rows) == 7
        assert rows[-1].startswith(">")
        terminal.press("k")
        (chosen,) = [line for line in drawn(terminal, rows[-2].replace("  ", "> ", 1)) if line.startswith(">")]
        system.dispatch()
        lines = drawn(terminal, "31 received")
        assert [line for line in lines if line.startswith(">")] == [chosen]
        # the same while someone reads
        terminal.press("\r")
        reading = drawn(terminal, "Headers", "Esc back")
        system.dispatch()
        assert drawn(terminal, "32 received")[2:] == reading[2:]
        terminal.press("\x1b")
        drawn(terminal, chosen, "Enter read")
        # to both ends
        terminal.press("\x1b[H")
        top = drawn(terminal, "Enter read", without=chosen)
        assert top[2].startswith("> ")
        terminal.press("G")
        assert drawn(terminal, without=top[2])[-2].startswith("> ")
        # larger, and as narrow as can be
        terminal.resize(40, 100)
        assert sum("user.joined_community" in line for line in drawn(terminal, "32 received")) == 32
        terminal.resize(5, 20)
        assert max(map(len, drawn(terminal, "32 received"))) <= 20
        terminal.press("q")
        left(terminal)


def test_hostile_texts(system: System) -> None:
    """What users of the app and the app itself wrote draws nothing, names no window and copies nothing."""
    with (
        Receiver(answer=lambda _: Reply(500, (HOSTILE + "the response").encode())) as app,
        listening(system, "--forward", app.url, size=(60, 80)) as terminal,
    ):
        drawn(terminal, EMPTY)
        system.db.execute(
            "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
            " select id, %s, %s from public.webhook_configurations",
            (f"a\n{HOSTILE}", json.dumps({"event": HOSTILE, HOSTILE: "the end"})),
        )
        drawn(terminal, "✕ 500", "1 received")
        terminal.press("\r")
        drawn(terminal, "Payload")
        terminal.press("G")
        drawn(terminal, "the end", "the response")
        terminal.press("c")
        drawn(terminal, "Copied")
        terminal.press("q")
        left(terminal)
    (copied,) = COPIED.findall(terminal.shown)
    assert json.loads(base64.b64decode(copied))["event"] == HOSTILE
    shown = DRAWING.sub("", COPIED.sub("", terminal.shown)).replace("\r\n", "")
    assert [one for one in CONTROLS if one in shown] == []
    assert "pwned" in shown


def test_a_long_payload(system: System) -> None:
    """Its id is copied: terminals take no longer text."""
    with listening(system) as terminal:
        drawn(terminal, EMPTY)
        system.dispatch(1, {"community_id": "c", "community_name": "x" * 80_000, "community_city": "the end"})
        drawn(terminal, "user.joined_community")
        terminal.press("\r")
        drawn(terminal, "Payload")
        terminal.press("G")
        drawn(terminal, "request_id")
        terminal.press("c")
        drawn(terminal, "Copied by your terminal: the id of")
        (copied,) = COPIED.findall(terminal.shown)
        assert base64.b64decode(copied).decode() == str(system.rows()[0]["id"])
        terminal.press("q")
        left(terminal)


def test_what_cannot_be_done(system: System, tmp_path: Path) -> None:
    """Keys without a delivery, a dashboard that no one has named, a machine without a browser: said in words."""
    with listening(system, WEBHOOKS_GATEWAY_URL="javascript:alert(1)") as terminal:
        drawn(terminal, EMPTY)
        for key in "rco":
            terminal.press(f"x{key}")
            drawn(terminal, "There is no delivery yet.")
            terminal.press("\r")
            drawn(terminal, EMPTY, without="There is no delivery yet.")
        terminal.press("?")
        drawn(terminal, "Page Up, Page Down")
        system.dispatch()
        drawn(terminal, "user.joined_community")
        terminal.press("o")
        drawn(terminal, "Set WEBHOOKS_GATEWAY_URL or --gateway https://...")
        terminal.press("q")
        left(terminal)
    # no other browser is found
    more = {"BROWSER": browser(tmp_path, code=1), "PATH": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    with listening(system, "--gateway", "http://127.0.0.1:1/prefix/", **more) as terminal:
        drawn(terminal, EMPTY)
        system.dispatch()
        drawn(terminal, "user.joined_community")
        terminal.press("o")
        drawn(terminal, "No browser here opens", "http://127.0.0.1:1/prefix/deliveries/")
        terminal.press("q")
        left(terminal)


def test_without_color(system: System) -> None:
    """NO_COLOR leaves the shapes."""
    with listening(system, NO_COLOR="1") as terminal:
        drawn(terminal, EMPTY)
        system.dispatch()
        drawn(terminal, "● 200")
        terminal.press("\r")
        drawn(terminal, "Payload")
        terminal.press("q")
        left(terminal)
    # SGR 30 to 49 and 90 to 107 are colors (ECMA-48, and what followed it)
    codes = {code for found in re.findall(r"\x1b\[([0-9;]+)m", terminal.shown) for code in found.split(";")}
    assert codes <= {"0", "1", "2"}


def test_no_list(system: System) -> None:
    """In a terminal without capabilities or characters, and in CI, which often has one."""
    for more in ({"TERM": "dumb"}, {"CI": "true"}, {"PYTHONIOENCODING": "latin-1"}):
        with listening(system, **more) as terminal:
            terminal.until("Ctrl-C ends it")
            system.dispatch()
            terminal.until("returned 200")
            assert ALTERNATE not in terminal.shown
            assert terminal.settings() == terminal.before


def test_in_the_background(system: System) -> None:
    """`webhooks listen &` would be stopped if it changed the terminal: it prints instead."""
    script = 'set -m; "$@" & wait'
    with Terminal(["bash", "-c", script, "bash", *LISTEN], variables=variables(system), size=(24, 80)) as terminal:
        terminal.until("Ctrl-C ends it")
        system.dispatch()
        terminal.until("returned 200")
        assert ALTERNATE not in terminal.shown
        (listener,) = system.db.execute("select webhook_config_id as id from webhooks.listeners").fetchall()
        system.db.execute("update public.webhook_configurations set is_active = false where id = %s", (listener["id"],))
        terminal.until("endpoint was disabled")


def test_a_pipe(system: System) -> None:
    """With FORCE_COLOR it is colored, and still no list."""
    more = {**variables(system), "FORCE_COLOR": "1"}
    with running("listen", variables=more) as process:
        assert process.stdout
        assert process.stderr
        while "Ctrl-C ends it" not in process.stderr.readline():
            pass
        system.dispatch()
        assert "verified" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert ALTERNATE not in out
