"""JSON as HTML: a line for each value, colors by kind, and objects and arrays that fold. Every digit stays as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from supabase_webhooks.webhooks import exact

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A token of JSON (RFC 8259, section 2).
TOKEN = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>-?\d[0-9.eE+-]*)|(?P<boolean>true|false)|(?P<null>null)|(?P<punct>.))'
)

#: Tokens beyond which a text is shown without colors: more would be megabytes of HTML.
MOST_TOKENS = 20_000

#: Levels beyond which it is shown as it is: each one is an element within another.
MOST_LEVELS = 60

CLOSING = {"{": "}", "[": "]"}


def colored(text: str | None) -> Markup | None:
    """Return JSON text as HTML; None if it is not JSON, or too large or too deep for that."""
    try:
        exact.decode(text or "")
    except ValueError:
        return None
    found = [(match.lastgroup or "", match[match.lastgroup or 0]) for match in TOKEN.finditer((text or "").strip())]
    if len(found) > MOST_TOKENS or _levels(found) > MOST_LEVELS:
        return None
    return Markup("").join(_lines(found))


def _levels(found: list[tuple[str, str]]) -> int:
    level = most = 0
    for kind, text in found:
        if kind == "punct":
            level += (text in CLOSING) - (text in CLOSING.values())
            most = max(most, level)
    return most


def _lines(found: list[tuple[str, str]]) -> Iterator[Markup]:
    """Yield HTML. `line` collects what is on the same line, until its value ends."""
    line = Markup("")
    for place, (kind, text) in enumerate(found):
        after = found[place + 1][1] if place + 1 < len(found) else ""
        if text in CLOSING and kind == "punct":
            if after == CLOSING[text]:
                line += escape(text)
            else:
                yield Markup('<details open><summary class="line">{}</summary><div class="in">').format(line + text)
                line = Markup("")
        elif kind == "punct" and text in CLOSING.values():
            opened = found[place - 1][1] in CLOSING and found[place - 1][0] == "punct"
            if not opened:
                yield Markup("</div>")
            comma = "," if after == "," else ""
            yield _line(line + text + comma) + ("" if opened else Markup("</details>"))
            line = Markup("")
        elif kind == "punct":
            # a comma after a value ends the value's line, which is written with it
            line += Markup("{} ").format(text) if text == ":" else ""
        else:
            name = "key" if after == ":" and found[place + 1][0] == "punct" else kind
            line += Markup('<span class="{}">{}</span>').format(name, text)
            if name != "key":
                yield _line(line + ("," if after == "," else ""))
                line = Markup("")


def _line(content: Markup) -> Markup:
    return Markup('<div class="line">{}</div>').format(content)
