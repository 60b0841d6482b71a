"""What commands print: tables for people, JSON for programs, errors on stderr."""

from __future__ import annotations

import base64
import codecs
import re
import sys
import textwrap
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.cli.tables import shortest, table
from supabase_webhooks.webhooks.durations import ago
from supabase_webhooks.webhooks.plain import OBEYED, escaped, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import ConsoleOptions, RenderableType

#: Exit codes other than 0: the command failed; the call or the settings are wrong; Supabase or the broker is down.
FAILED, WRONG, UNAVAILABLE = 1, 2, 3

#: The option that every command has.
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

#: value -> style: the colours of the dashboard.
STYLES = {
    "delivered": "green",
    "healthy": "green",
    "closed": "green",
    "active": "green",
    "applied": "green",
    "ok": "green",
    "done": "green",
    "kept": "green",
    "failed": "red",
    "down": "red",
    "open": "red",
    "problem": "red",
    "missing": "red",
    "pending": "yellow",
    "processing": "yellow",
    "degraded": "yellow",
    "failing": "red",
    "paused": "blue",
    "disabled": "dim",
    "half_open": "yellow",
    "inactive": "yellow",
    "warning": "yellow",
    "changed": "yellow",
    "skipped": "yellow",
}

#: In JSON text, which has no other control characters than newlines.
BEYOND_ASCII = re.compile(r"[^\n -~]")

#: Columns of a table that hold ids.
IDS = ("id", "request_id")

#: Columns of output that goes to no terminal: wide enough that nothing is folded.
UNFOLDED = 250


class PlainConsole(Console):
    """A console that emits only its own colors: everything printed on it is made plain text."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of what is printed, their text plain."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(plain(segment.text), segment.style)


def console(*, stderr: bool = False) -> Console:
    """Return a console; without a terminal, it is as wide as its longest line."""
    made = PlainConsole(highlight=False, stderr=stderr, soft_wrap=False)
    if not made.is_terminal:
        made.width = UNFOLDED
    return made


def complain(text: str) -> None:
    """Print an error, in one line, to stderr."""
    console(stderr=True).print(Text.assemble(("webhooks: ", "red"), text), soft_wrap=True)


def note(text: str) -> None:
    """Print a note to stderr, so that piped output stays clean."""
    console(stderr=True).print(Text(text, style="dim"), soft_wrap=True)


@cache
def announce(project: str) -> None:
    """Say once, on stderr, which project or database a command talks to; nothing with --json."""
    if "--json" not in sys.argv:
        note(f"Project {project}")


def say(text: str) -> None:
    """Print text unchanged, without wrapping lines."""
    sys.stdout.write(plain(text) + "\n")


def copy(screen: Console, data: bytes) -> None:
    """Copy data to the clipboard, by the terminal itself (OSC 52 of xterm's control sequences): over SSH too."""
    screen.file.write(f"\x1b]52;c;{base64.b64encode(data).decode()}\x07")
    screen.file.flush()


def print_json(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(_escaped(exact.pretty(exact.encode(value))) + "\n")


def print_items(items: Iterable[object]) -> None:
    """Print values as a JSON array, each as soon as it comes: print_json() of a list that need not fit into memory."""
    before = "[\n"
    for item in items:
        sys.stdout.write(before + textwrap.indent(_escaped(exact.pretty(exact.encode(item))), "  "))
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def print_line(value: object) -> None:
    """Print a value as one line of JSON, at once."""
    sys.stdout.write(_escaped(exact.encode(value)) + "\n")
    sys.stdout.flush()


def _escaped(text: str) -> str:
    """Return JSON text that is safe for terminals: what plain() replaces is escaped, so that programs still read it.

    If stdout is not UTF-8, everything beyond ASCII is escaped.
    """
    return escaped(text, OBEYED if is_utf8() else BEYOND_ASCII)


def is_utf8() -> bool:
    """Return whether stdout takes every character."""
    return codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, empty: str = "Nothing found.") -> None:
    """Print the given columns of rows, the most important first: those that do not fit a terminal are left out.

    In a terminal ids are short, and times are how long ago they were; elsewhere both are whole.
    """
    found = list(rows)
    if not found:
        note(empty)
        return
    screen = console()
    shortened = {name: shortest(str(row.get(name)) for row in found) for name in IDS} if screen.is_terminal else {}
    cells = [[_listed(name, row.get(name), shortened) for name in columns] for row in found]
    headings = [column.replace("_", " ") for column in columns]
    shown = table(headings, cells, screen.width if screen.is_terminal else None)
    if not screen.is_terminal:
        screen.width = max(UNFOLDED, screen.measure(shown).maximum)
    screen.print(shown)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print names and values, one a line, without what is empty."""
    shown = Table(box=None, pad_edge=False, show_header=False)
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in fields.items():
        if value not in (None, "", []):
            shown.add_row(name.replace("_", " "), cell(value))
    console().print(shown)


def print_card(title: str, state: str, fields: Mapping[str, Any]) -> None:
    """Print one thing: its name and state, and below them what it consists of."""
    console().print(Text.assemble((plain(title), "bold"), "  ", (state, STYLES.get(state, ""))), soft_wrap=True)
    print_fields(fields)


def _listed(name: str, value: object, shortened: Mapping[str, int]) -> Text:
    if not shortened or value is None:
        return cell(value)
    if name in IDS:
        return Text(plain(str(value))[: shortened[name]], style="cyan")
    return Text(ago(str(value))) if name.endswith("_at") else cell(value)


def cell(value: object) -> Text:
    """Return a value as text; user input stays text, without markup or control characters."""
    if isinstance(value, str) and (moment := _moment(value)):
        return Text(moment)
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    text = plain(str(value))
    return Text(text, style=STYLES.get(text, ""))


def _moment(text: str) -> str | None:
    """Return an ISO moment in short, in UTC, or None for another text."""
    if len(text) < len("2026-01-02T03:04:05") or text[4:5] != "-" or text[10:11] not in {"T", " "}:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def progress() -> Progress:
    """Return a progress bar on stderr; without a terminal, it prints nothing."""
    shown = console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=shown,
        disable=not shown.is_terminal,
        transient=True,
    )
