"""Tables in Markdown that can be read on a terminal too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def table(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Return a table's lines; the longer side goes down."""
    columns = _columns(rows)
    if len(columns) > len(rows):
        rows = {column: {name: row[column] for name, row in rows.items() if column in row} for column in columns}
        columns = _columns(rows)
    lines = [["", *columns]]
    lines += [[name, *(number(row[one]) if one in row else "" for one in columns)] for name, row in rows.items()]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns) + 1)]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        yield f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"


def number(value: object) -> str:
    """Return a figure as text: three digits that count; of a spread the median, the least and the most."""
    if isinstance(value, dict):
        middle, least, most = (number(value[one]) for one in ("median", "min", "max"))
        return middle if least == most else f"{middle} ({least} to {most})"
    if isinstance(value, int) or (isinstance(value, float) and abs(value) >= 100):  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def _columns(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows.values() for key in row))
