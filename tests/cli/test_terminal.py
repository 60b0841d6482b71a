"""What receivers and users wrote reaches no terminal as a command: every command that shows it."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from devstack.processes import free_port
from supabase_webhooks.webhooks.plain import OBEYED
from supabase_webhooks.webhooks.signing import generate_secret, signature_headers
from tests.cli.conftest import environment
from tests.cli.typing_terminal import Terminal
from tests.unit.test_plain import COLORS, CONTROLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

    Webhooks = Callable[..., Done]

#: All that a terminal obeys and Postgres can hold, and sequences of it: clear, retitle, a link, colors, a query.
HOSTILE = (
    "".join(c for c in CONTROLS if c != "\0" and not "\ud800" <= c <= "\udfff")
    + "\x1b[2J\x1b]0;pwned\x07\x1b]8;;https://evil.example\x1b\\x\x9b5m\x1b[5m\x1b[6n\r"
)


def webhooks_in_terminal(*arguments: str, variables: dict[str, str], columns: int = 100) -> Terminal:
    """Return a command of ours in a terminal with colors."""
    return Terminal(
        [sys.executable, "-m", "supabase_webhooks.webhooks.cli", *arguments],
        variables={**environment(variables), "TERM": "xterm-256color"}, columns=columns,
    )  # fmt: skip


def commanded(shown: str) -> list[str]:
    """Return the control sequences in a terminal's text, besides colors and newlines."""
    return OBEYED.findall(COLORS.sub("", shown.replace("\r\n", "\n")))


@pytest.fixture
def hostile(system: System) -> dict[str, str]:
    """Endpoints, deliveries, events and errors in which every text is hostile; the ids of one of each."""
    endpoint = system.endpoint("https://example.com/x")
    system.dispatch(1, {"community_id": "c", "community_name": HOSTILE, "community_city": HOSTILE})
    (row,) = system.rows()
    db = system.db
    db.execute(
        "update public.webhook_configurations set name = %s, disabled_reason = %s", (f"e{HOSTILE}"[:200], HOSTILE)
    )
    db.execute(
        "update public.webhook_deliveries set status = 'failed', attempts = 3, finished_at = now(), error_message = %s,"
        " response_body = %s",
        (HOSTILE, HOSTILE),
    )
    db.execute(
        "insert into public.webhook_attempts"
        " (delivery_id, number, started_at, duration_ms, delivered, response_status, response_excerpt, error)"
        " values (%s, 1, now(), 7, false, 500, %s, %s)",
        (row["id"], HOSTILE, HOSTILE),
    )
    db.execute("update public.webhook_circuits set last_error = %s, failing_since = now()", (HOSTILE,))
    db.execute("insert into public.webhook_dispatcher_runs (source, error) values (%s, %s)", (HOSTILE, HOSTILE))
    db.execute(
        "select public.webhook_define_event('hostile.event', %s, %s, %s)",
        (HOSTILE, json.dumps({"type": "object", "description": HOSTILE}), json.dumps({HOSTILE: HOSTILE})),
    )
    return {"endpoint": endpoint, "delivery": str(row["id"])}


def commands(ids: dict[str, str]) -> list[list[str]]:
    """Return every command that shows what others wrote, an error among them."""
    return [
        ["endpoints", "list"], ["endpoints", "show", ids["endpoint"]],
        ["deliveries", "list"], ["deliveries", "show", ids["delivery"]],
        ["events", "list"], ["events", "show", "hostile.event"], ["events", "docs"],
        ["types", "python"], ["types", "typescript"],
        ["stats"], ["doctor"], ["dispatch", "hostile.event", "--example"],
        ["endpoints", "update", ids["endpoint"], "--settings", json.dumps({HOSTILE: 1})],
        ["endpoints", "update", ids["endpoint"], "--name", HOSTILE * 9],
        ["deliveries", "list", "--status", HOSTILE], ["events", "show", HOSTILE],
        ["export"], ["endpoints", "show", f"e{HOSTILE}"[:20]], ["deliveries", "show", HOSTILE], ["trigger", HOSTILE],
        ["endpoints", "disable", ids["endpoint"]], ["endpoints", "test", ids["endpoint"]],
    ]  # fmt: skip


def test_every_command(webhooks: Webhooks, hostile: dict[str, str]) -> None:
    """To a file, which someone reads on a terminal; --json escapes it, and reads the same."""
    for command in commands(hostile):
        done = webhooks(*command)
        assert not OBEYED.findall(done.out + done.err), command
        assert done.out + done.err
    for command in commands(hostile):
        done = webhooks(*command, "--json")
        assert not OBEYED.findall(done.out + done.err), command
    shown = webhooks("deliveries", "show", hostile["delivery"], "--json").json
    assert shown["attempt_log"][0]["response_excerpt"] == HOSTILE
    assert shown["payload"]["data"]["community_city"] == HOSTILE
    assert webhooks("events", "show", "hostile.event", "--json").json["example"] == {HOSTILE: HOSTILE}


def test_in_a_terminal(system: System, hostile: dict[str, str]) -> None:
    """With colors, which are the only sequences that arrive there."""
    for command in (
        ["deliveries", "show", hostile["delivery"]],
        ["deliveries", "list"],
        ["endpoints", "list"],
        ["deliveries", "show", hostile["delivery"], "--json"],
    ):
        with webhooks_in_terminal(*command, variables=system.settings()) as terminal:
            terminal.end()
        shown = terminal.shown
        assert commanded(shown) == [], command
        assert "\ufffd" in shown or "\\u009b" in shown, command
        assert "\x1b[5m" not in shown


def test_tail_in_a_terminal(system: System, hostile: dict[str, str]) -> None:
    """What arrives while someone watches."""
    with webhooks_in_terminal("deliveries", "tail", "--interval", "0.1", variables=system.settings()) as terminal:
        terminal.until("press Ctrl-C")
        system.db.execute(
            "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, error_message)"
            " values (%s, %s, '{}', 'failed', %s)",
            (hostile["endpoint"], HOSTILE, f"{HOSTILE}the end"),
        )
        assert commanded(terminal.until("the end")) == []


@pytest.mark.parametrize("form", ["json", "text"])
def test_receive_in_a_terminal(form: str) -> None:
    """A stranger who finds the port: path, headers and body."""
    port, secret = free_port(), generate_secret()
    arguments = ["receive", "--port", str(port), "--count", "2", *(["--json"] if form == "json" else [])]
    with webhooks_in_terminal(*arguments, variables={"WEBHOOKS_LISTEN_SECRET": secret}) as terminal:
        terminal.until("Listening on")
        for body in (
            json.dumps({"event": HOSTILE, HOSTILE: 1.10}, ensure_ascii=False).encode(),
            HOSTILE.encode() + b"\xff\x9b",
        ):
            headers = {**signature_headers([secret], "id", int(time.time()), body), "X-Hostile": b"\x9b31m\xff"}
            headers["webhook-id"] = b"\x9b5m"  # type: ignore[assignment]  # as bytes
            httpx.post(f"http://127.0.0.1:{port}/x", content=body, headers=headers, trust_env=False)
        terminal.end()
    shown = terminal.shown
    assert commanded(shown) == []
    assert "pwned" in shown
    if form == "json":
        lines = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
        assert lines[0]["body"]["event"] == HOSTILE
        assert re.search(r"\\u009b", shown)


@pytest.mark.parametrize("printed", ["json", "text"])
def test_listen_in_a_terminal(system: System, printed: str) -> None:
    """What a user of the app wrote into an event."""
    arguments = ["listen", "--once", *(["--json"] if printed == "json" else [])]
    with webhooks_in_terminal(*arguments, variables=system.settings()) as terminal:
        terminal.until("Ctrl-C ends it")
        system.dispatch(1, {"community_id": "c", "community_name": HOSTILE, "community_city": "the end"})
        terminal.end()
    shown = terminal.shown
    assert commanded(shown) == []
    assert "the end" in shown
    if printed == "json":
        (line,) = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
        assert line["body"]["data"]["community_name"] == HOSTILE
