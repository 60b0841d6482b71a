"""What `webhooks listen` has received, as a list on the screen: one is selected, and can be opened and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.syntax import Syntax
from rich.text import Text

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from supabase_webhooks.webhooks.cli.listener import Handled

#: Deliveries that are kept: more is history, which the dashboard has.
MOST = 1000

#: Lines of the screen that are not the list's.
FRAME = 3

KEYS = "↑↓ move  Enter read  r retry  c copy  o open  q quit"
READING = "↑↓ scroll  Esc back  r retry  c copy  o open  q quit"


class Inbox:
    """The deliveries in the order in which they came. A retried one stays in its place.

    `title` is the first line, `said` the last: what the last key did, until the next one.
    """

    def __init__(self) -> None:
        self.title = ""
        self.said = ""
        self._kept: dict[str, Handled] = {}
        self._chosen: str | None = None
        #: Whether the newest is chosen as it comes: until someone chooses another.
        self._follows = True
        self._reads = False
        #: The first line that is shown, of the list or of what is read.
        self._first = 0

    @property
    def chosen(self) -> Handled | None:
        """The delivery that keys are about."""
        return self._kept.get(self._chosen or "")

    def add(self, one: Handled) -> None:
        """Keep a delivery, or the next attempt of one."""
        self._kept[one.id] = one
        if len(self._kept) > MOST:
            # not the one that someone looks at
            oldest = next(key for key in self._kept if key != self._chosen)
            del self._kept[oldest]
        if self._follows and not self._reads:
            self._chosen = next(reversed(self._kept))

    def read(self) -> None:
        """Open the chosen one."""
        self._reads, self._first = self.chosen is not None, 0

    def leave(self) -> None:
        """Go back to the list."""
        self._reads, self._first = False, 0

    def move(self, by: int) -> None:
        """Choose another one, or scroll what is read."""
        if self._reads:
            self._first = max(0, self._first + by)
        elif self._kept:
            keys = list(self._kept)
            at = min(max(keys.index(self._chosen or keys[-1]) + by, 0), len(keys) - 1)
            self._chosen, self._follows = keys[at], at == len(keys) - 1

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield as many lines as the screen has."""
        width, height = options.max_width, options.height or options.size.height
        room = max(1, height - FRAME)
        lines = list(self._details(console, width)) if self._reads else list(self._rows())
        if self._reads:
            self._first = min(self._first, max(0, len(lines) - room))
        elif self._kept:
            at = list(self._kept).index(self._chosen or "")
            self._first = min(max(self._first, at - room + 1, 0), at)
        shown = lines[self._first : self._first + room] or [Text("Waiting for deliveries.", style="dim")]
        foot = self.said or (READING if self._reads else KEYS)
        for line in [
            Text(self.title, style="dim"),
            Text(),
            *shown,
            *[Text()] * (room - len(shown)),
            Text(foot, style="" if self.said else "dim"),
        ]:
            line.truncate(width, overflow="ellipsis")
            line.no_wrap = True
            yield line

    def _rows(self) -> Iterator[Text]:
        for one in self._kept.values():
            state = Text.assemble(("✕ ", "red") if one.error else ("● ", "green"), f"{one.status or 'error':<5} ")
            row = Text.assemble("> " if one.id == self._chosen else "  ", (f"{one.at:%H:%M:%S}  ", "dim"), state)
            row.append(plain(one.event), style="bold")
            row.append(f"  {one.id[:8]}  {one.duration_ms} ms", style="dim")
            if one.attempt > 1:
                row.append(f"  attempt {one.attempt}", style="yellow")
            if one.error and one.error != f"HTTP {one.status}":
                row.append(f"  {plain(one.error)}", style="red")
            yield row

    def _details(self, console: Console, width: int) -> Iterator[Text]:
        one = self.chosen
        assert one  # noqa: S101 - for mypy: only a chosen one is read
        yield Text(plain(one.event), style="bold")
        told = [one.id, f"attempt {one.attempt}", f"{one.duration_ms} ms", one.error or f"returned {one.status}"]
        yield from _folded(console, Text(plain("  ".join(told)), style="red" if one.error else "green"), width)
        received = one.received
        parts = {
            "Headers": "\n".join(f"{name}: {value}" for name, value in received.headers.items()),
            "Payload": _pretty(received.body.decode(errors="replace")),
            "Response": _pretty(one.response or ""),
        }
        for title, text in parts.items():
            if text:
                yield Text()
                yield Text(title, style="bold")
                shown = plain(text).expandtabs(4)
                colored = Text(shown) if title == "Headers" else Syntax("", "json", theme="ansi_dark").highlight(shown)
                colored.rstrip()
                for line in colored.split("\n", allow_blank=True):
                    yield from _folded(console, line, width)


def _folded(console: Console, text: Text, width: int) -> Iterator[Text]:
    yield from text.wrap(console, width, overflow="fold") or [Text()]


def _pretty(text: str) -> str:
    """Return JSON on many lines; other text as it is."""
    try:
        exact.decode(text)
    except ValueError:
        return text
    return exact.pretty(text)
