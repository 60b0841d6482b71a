"""A delivery that `webhooks listen` handled, as lines on the screen: in short, and in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.syntax import Syntax
from rich.text import Text

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.cli.tables import SHORT
from supabase_webhooks.webhooks.plain import escaped, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from supabase_webhooks.webhooks.cli.listener import Handled

#: Characters of JSON that are colored; more would take longer than a key may.
COLORED_AT_MOST = 50_000


def outcome(one: Handled) -> Text:
    """Return when an attempt was made, and how it ended: a shape besides the color, the status, the duration."""
    shape, color = ("✕", "red") if one.error else ("●", "green")
    state = (f"{shape} {one.status or '---'}", color)
    return Text.assemble((f"{one.at:%H:%M:%S}  ", "dim"), state, (f"{one.duration_ms:>6} ms", "dim"))


def row(one: Handled, *, chosen: bool) -> Text:
    """Return a delivery in one line, the parts of a fixed width first."""
    line = Text.assemble("> " if chosen else "  ", outcome(one), (f"  {one.id[:SHORT]}  ", "dim"))
    line.append(in_one_line(one.event), style="bold")
    if one.attempt > 1:
        line.append(f"  attempt {one.attempt}", style="yellow")
    if why := _why(one):
        line.append(f"  {why}", style="red")
    return line


def details(one: Handled, earlier: Sequence[Text], console: Console, width: int) -> list[Text]:
    """Return all of a delivery: headers, payload, response, and the outcomes of earlier attempts."""
    lines = [
        Text(in_one_line(one.event), style="bold"),
        Text.assemble(outcome(one), (f"  attempt {one.attempt}", "dim")),
        Text(one.id, style="dim"),
        *([Text(why, style="red")] if (why := _why(one)) else []),
    ]
    headers = "\n".join(f"{name}: {value}" for name, value in one.received.headers.items())
    parts = {
        "Earlier attempts": Text("\n").join(earlier),
        "Headers": Text(plain(headers)),
        "Payload": _colored(one.received.body.decode(errors="replace")),
        "Response": _colored(one.response or ""),
    }
    for title, text in parts.items():
        if text:
            lines += [Text(), Text(title, style="bold"), *text.split("\n", allow_blank=True)]
    return list(_folded(lines, console, width))


def in_one_line(text: str) -> str:
    """Return text that breaks no line and controls no terminal."""
    return " ".join(plain(text).split())


def _why(one: Handled) -> str:
    """Return the cause of a failure, unless the status says it."""
    return "" if one.error in {None, f"HTTP {one.status}"} else in_one_line(str(one.error))


def _colored(text: str) -> Text:
    """Return JSON on many lines, in colors; other text as it is."""
    try:
        exact.decode(text)
    except ValueError:
        return Text(plain(text).expandtabs(4))
    shown = escaped(exact.pretty(text))
    if len(shown) > COLORED_AT_MOST:
        return Text(shown)
    colored = Syntax("", "json", theme="ansi_dark").highlight(shown)
    colored.rstrip()
    return colored


def _folded(lines: Sequence[Text], console: Console, width: int) -> Iterator[Text]:
    for line in lines:
        yield from line.wrap(console, width, overflow="fold") or [Text()]
