"""What `webhooks listen` has received, as a list on the screen: one is chosen, and can be read."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from supabase_webhooks.webhooks.cli.details import details, in_one_line, outcome, row

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from supabase_webhooks.webhooks.cli.listener import Handled

#: Deliveries that are kept, and bytes of their payloads: more is history, which the dashboard has.
MOST, MOST_BYTES = 1000, 64_000_000

#: Earlier attempts of a delivery whose outcomes are kept.
EARLIER = 20

#: Lines above the list, and below it at most.
ABOVE, BELOW = 2, 5

#: Fit 60 columns.
KEYS = "↑↓ move  Enter read  r retry  c copy  o open  q quit  ? more"
READING = "↑↓ scroll  Esc back  r retry  c copy  o open  q quit  ? more"


@dataclass
class Entry:
    """A delivery: its last attempt, and the outcomes of earlier ones."""

    last: Handled
    earlier: deque[Text] = field(default_factory=lambda: deque(maxlen=EARLIER))


class Inbox:
    """The deliveries in the order in which they came. A retried one stays in its place.

    `title` is the first line. The second is `trouble`, or how many came; the last is what was `said` of the last key.
    """

    def __init__(self) -> None:
        self.title = self.trouble = self.said = ""
        self.received = self.failed = 0
        #: Lines of the list at the last drawing.
        self.room = 1
        self._kept: dict[str, Entry] = {}
        self._bytes = 0
        self._dropped = False
        self._chosen = ""
        #: Whether the newest is chosen as it comes: until someone chooses another.
        self._follows = True
        self._reads = False
        #: The first line that is shown, of the list and of what is read.
        self._first = self._scrolled = 0
        self._opened: tuple[Handled, int, list[Text]] | None = None

    @property
    def chosen(self) -> Handled | None:
        """The delivery that keys are about."""
        return self._kept[self._chosen].last if self._kept else None

    def add(self, one: Handled) -> None:
        """Keep a delivery, or the next attempt of one."""
        self.received += 1
        self.failed += one.error is not None
        if known := self._kept.get(one.id):
            known.earlier.append(outcome(known.last))
            known.last = one
            return
        self._kept[one.id] = Entry(one)
        self._bytes += len(one.received.body)
        if (self._follows and not self._reads) or not self._chosen:
            self._chosen = one.id
        while len(self._kept) > MOST or (self._bytes > MOST_BYTES and len(self._kept) > 2):  # noqa: PLR2004 - see below
            # neither the newest nor the one that someone looks at
            oldest = next(key for key in self._kept if key != self._chosen)
            self._bytes -= len(self._kept.pop(oldest).last.received.body)
            self._dropped = True

    def read(self) -> None:
        """Open the chosen one."""
        self._reads, self._scrolled = self.chosen is not None, 0

    def leave(self) -> None:
        """Go back to the list."""
        self._reads, self._opened = False, None

    def move(self, by: int) -> None:
        """Choose another one, or scroll what is read."""
        if self._reads:
            self._scrolled = max(0, self._scrolled + by)
        elif self._kept:
            keys = list(self._kept)
            at = min(max(keys.index(self._chosen) + by, 0), len(keys) - 1)
            self._chosen, self._follows = keys[at], at == len(keys) - 1

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield as many lines as the screen has."""
        width, height = options.max_width, options.height or options.size.height
        foot = Text(in_one_line(self.said)) if self.said else Text(READING if self._reads else KEYS, style="dim")
        below = foot.wrap(console, width, overflow="fold")[:BELOW]
        self.room = max(1, height - ABOVE - len(below))
        shown = self._read_lines(console, width) if self._reads else self._rows()
        for line in [self._title(), self._state(), *shown, *[Text()] * (self.room - len(shown)), *below]:
            line.truncate(width, overflow="ellipsis")
            line.no_wrap = True
            yield line

    def _title(self) -> Text:
        return Text(in_one_line(self.title), style="dim")

    def _state(self) -> Text:
        if self.trouble:
            return Text(in_one_line(self.trouble), style="red")
        kept = f", the last {len(self._kept):,} are listed" if self._dropped else ""
        return Text(f"{self.received:,} received, {self.failed:,} failed{kept}", style="dim")

    def _rows(self) -> list[Text]:
        if not self._kept:
            return [Text("Waiting for deliveries.", style="dim")]
        at = list(self._kept).index(self._chosen)
        self._first = min(max(self._first, at - self.room + 1), at, max(0, len(self._kept) - self.room))
        visible = list(self._kept.values())[self._first : self._first + self.room]
        return [row(entry.last, chosen=entry.last.id == self._chosen) for entry in visible]

    def _read_lines(self, console: Console, width: int) -> list[Text]:
        entry = self._kept[self._chosen]
        if self._opened is None or self._opened[0] is not entry.last or self._opened[1] != width:
            self._opened = (entry.last, width, details(entry.last, entry.earlier, console, width))
        lines = self._opened[2]
        self._scrolled = min(self._scrolled, max(0, len(lines) - self.room))
        # to draw a line cuts it
        return [line.copy() for line in lines[self._scrolled : self._scrolled + self.room]]
