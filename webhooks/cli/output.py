"""What commands print: tables for people, JSON for programs, errors on stderr."""

from __future__ import annotations

import codecs
import re
import sys
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
    "half_open": "yellow",
    "inactive": "yellow",
    "warning": "yellow",
    "changed": "yellow",
    "skipped": "yellow",
}

#: In JSON text, which has no other control characters than newlines.
BEYOND_ASCII = re.compile(r"[^\n -~]")

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


def print_json(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(_escaped(exact.pretty(exact.encode(value))) + "\n")


def print_line(value: object) -> None:
    """Print a value as one line of JSON, at once."""
    sys.stdout.write(_escaped(exact.encode(value)) + "\n")
    sys.stdout.flush()


def _escaped(text: str) -> str:
    """Return JSON text that is safe for terminals: what plain() replaces is escaped, so that programs still read it.

    If stdout is not UTF-8, everything beyond ASCII is escaped.
    """
    utf8 = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    return escaped(text, OBEYED if utf8 else BEYOND_ASCII)


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, empty: str = "Nothing found.") -> None:
    """Print the given columns of rows."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column in {"id", "request_id"})
    for row in rows:
        table.add_row(*(cell(row.get(column)) for column in columns))
    if table.row_count:
        console().print(table)
    else:
        note(empty)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print names and values, one a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(name.replace("_", " "), cell(value))
    console().print(table)


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
