"""Tables that fit a terminal: a column that does not fit is left out, before a word is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.text import Text

#: Spaces between two columns, as Rich pads them.
GAP = 2

#: A column of sentences gets at least this width: in a narrower one, each word would have a line of its own.
SENTENCE = 16

#: A longer word is cut, and ends in an ellipsis: one long name must not cost the other columns their place.
LONGEST = 40


#: Characters of a short id, unless more are needed to tell it from the others, and of a whole one.
SHORT, WHOLE = 8, 36


def shortest(ids: Iterable[str]) -> int:
    """Return how many characters tell ids apart."""
    different = set(ids)
    return next((n for n in range(SHORT, WHOLE) if len({one[:n] for one in different}) == len(different)), WHOLE)


def table(headings: Sequence[str], rows: Sequence[Sequence[Text]], width: int | None) -> Table:
    """Return a table of the columns that fit, the first ones first; all of them if there is no width to fit."""
    columns = [[heading, *(row[n].plain for row in rows)] for n, heading in enumerate(headings)]
    widths = dict(enumerate(map(_natural, columns))) if width is None else fit(columns, width)
    made = Table(box=None, pad_edge=False, header_style="bold")
    for n, cells in widths.items():
        made.add_column(headings[n], width=cells, overflow="fold" if width is None else "ellipsis")
    for row in rows:
        made.add_row(*(row[n] for n in widths))
    return made


def fit(columns: Sequence[Sequence[str]], width: int) -> dict[int, int]:
    """Return the width of each column that is shown, by its number; `columns` hold their cells, in order of importance.

    The first is always shown. A column that would need more than what is left is skipped, and the next one may fit.
    """
    least = [_least(cells) for cells in columns]
    shown = {0: min(least[0], width)}
    for n, needed in enumerate(least[1:], start=1):
        if sum(shown.values()) + GAP * len(shown) + needed <= width:
            shown[n] = needed
    left = width - sum(shown.values()) - GAP * (len(shown) - 1)
    # the most modest first, so that what they do not need is left to the others
    wanted = sorted((_natural(columns[n]) - least[n], n) for n in shown)
    for place, (more, n) in enumerate(wanted):
        given = max(0, min(more, left // (len(wanted) - place)))
        shown[n] += given
        left -= given
    return shown


def _natural(cells: Sequence[str]) -> int:
    return max(cell_len(line) for cell in cells for line in cell.split("\n"))


def _least(cells: Sequence[str]) -> int:
    word = max((cell_len(word) for cell in cells for word in cell.split()), default=1)
    return min(max(word, min(_natural(cells), SENTENCE)), LONGEST)
