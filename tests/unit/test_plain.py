"""Whatever receivers and users write commands no terminal, forges no line of a log, and mentions no one in an alert."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import unicodedata
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.policy import SMTP
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from supabase_webhooks.webhooks.alerts import Notice
from supabase_webhooks.webhooks.alerts.email import Email
from supabase_webhooks.webhooks.alerts.slack import message
from supabase_webhooks.webhooks.cli import output
from supabase_webhooks.webhooks.logs import JsonFormatter, _console
from supabase_webhooks.webhooks.plain import OBEYED, escaped, plain

#: Every character that a terminal obeys, from Unicode's own tables: the product's list is not asked.
CONTROLS = [
    chr(number)
    for number in range(0x110000)
    if chr(number) not in "\n\t"
    and (
        unicodedata.category(chr(number)) in {"Cc", "Zl", "Zp", "Cs"}
        or unicodedata.bidirectional(chr(number)) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    )
]


def joined(text: str) -> str:
    """Return text in which two halves of a pair that meet are one character, as JSON reads them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(CONTROLS),
        st.sampled_from(
            ["\x1b[2J", "\x1b]0;title\x07", "\x1b]8;;https://evil.example\x1b\\", "\x9b31m", "\r", "[red]"]
        ),
        st.text(max_size=5),
    ),
    max_size=12,
).map(lambda parts: joined("".join(parts)))
#: What the command line's own colors are.
COLORS = re.compile(r"\x1b\[[0-9;]*m")


def test_every_control_is_replaced() -> None:
    """Each one of Unicode's; and letters, emoji and their joiners stay."""
    assert [c for c in CONTROLS if plain(f"a{c}b") != "a\ufffdb"] == []
    kept = "Zürich\t\U0001f469\u200d\U0001f4bb \u0645\u06cc\u200c\u062e\n"
    assert plain(kept) == kept


@settings(max_examples=500)
@given(HOSTILE)
def test_json_reads_the_same(text: str) -> None:
    """As a value, a key and in a list; and nothing in it commands a terminal."""
    value = {"text": text, text: [text]}
    shown = escaped(json.dumps(value, ensure_ascii=False))
    assert not OBEYED.search(shown)
    assert json.loads(shown) == value


@pytest.mark.parametrize("terminal", ["1", "0"])
@settings(max_examples=200, deadline=None)
@given(text=HOSTILE)
def test_whatever_the_command_line_prints(terminal: str, text: str) -> None:
    """By each way that it has to print, to a terminal and to a file."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict("os.environ", {"TERM": "xterm-256color", "FORCE_COLOR": terminal if terminal == "1" else ""}),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        output.say(text)
        output.complain(text)
        output.note(text)
        output.print_fields({"status": "delivered", text: text})
        output.print_table([{"a": text, "status": "failed"}, {"a": [text]}], ["a", "status"])
        output.console().print(Text(text, style="red"), soft_wrap=True)
        output.console().print(text, markup=False)
    shown = out.getvalue() + err.getvalue()
    assert ("\x1b[" in shown) is (terminal == "1")
    assert not OBEYED.search(COLORS.sub("", shown))
    assert "\x1b[2J" not in shown


def test_nothing_is_printed_another_way() -> None:
    """The commands print by webhooks/cli/output.py alone."""
    others = []
    for file in Path(str(output.__file__)).parent.glob("*.py"):
        if file.name == "output.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called in {"print", "typer.echo", "typer.secho", "sys.stdout.write", "sys.stderr.write", "Console"}:
                others.append(f"{file.name}:{node.lineno}")
    assert others == []


@settings(max_examples=200)
@given(HOSTILE)
def test_logs(text: str) -> None:
    """As JSON, which reads the same, and in the form for people."""
    record = logging.makeLogRecord({"msg": "the receiver said %s", "args": (text,), "error": text, "name": "webhooks"})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert not OBEYED.search(line)
    assert json.loads(line)["error"] == text
    assert not OBEYED.search(_console().format(record))


MENTIONS = st.lists(
    st.one_of(
        st.sampled_from(
            ["<!everyone>", "<!channel|here>", "<@U1>", "<#C1>", "<https://evil.example|us>", "@everyone", "@here",
             "[us](https://evil.example)", "https://evil.example", "www.evil.example", "<mailto:a@b|c>", "\r\nBcc: a@b",
             "\r\n\r\n<b>", "&lt;!channel&gt;", "\u202e", "http://a](http://b)", "]", "(", "<", "@"]
        ),
        HOSTILE,
    ),
    max_size=6,
).map("".join)  # fmt: skip


def notice(text: str) -> Notice:
    """Return a notice about an endpoint with such a name."""
    return Notice(
        alert_id="a", moment="started", channel="slack", kind="endpoint_failing", severity="warning",
        summary=f'Endpoint "{text}" has failed', started_at=datetime(2026, 1, 2, tzinfo=UTC),
    )  # fmt: skip


@settings(max_examples=500)
@given(MENTIONS)
def test_chats_are_told_text(name: str) -> None:
    """No mention and no link of Slack, Mattermost, Rocket.Chat or Discord, even where one undoes the escapes."""
    sent = message(notice(name).title)
    assert sent["allowed_mentions"] == {"parse": []}
    assert not re.search(r"<|>|&(?!amp;|lt;|gt;)", sent["text"])
    undone = sent["text"].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert not re.search(r"<[!@#a-z]|@\w|\]\(|://|www\.", undone, re.IGNORECASE)
    assert "\n" not in undone
    assert not OBEYED.search(undone)
    assert undone.startswith('[WARNING] Endpoint "')


@settings(max_examples=300, deadline=None)
@given(MENTIONS)
def test_mails_have_the_headers_that_we_set(name: str) -> None:
    """And are plain text: one part, no header of the endpoint's."""
    mail = Email("smtp://localhost", "webhooks@example.com", ["ops@example.com"])._message(notice(name))
    read = message_from_bytes(mail.as_bytes(policy=SMTP), policy=policy.default)
    assert sorted(read.keys()) == sorted(
        ["Subject", "From", "To", "Date", "Message-ID", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]
    )
    assert read["To"] == "ops@example.com"
    assert read.get_content_type() == "text/plain"
    assert not OBEYED.search(f"{read['Subject']}{read.get_content()}".replace("\r\n", "\n"))
