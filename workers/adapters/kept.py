"""What is kept of a response's headers: few and short ones, as text that JSON and Postgres can keep, no secrets."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The first headers of a response, and how much of them: with JSON's escapes it stays below the database's 4 KB.
HEADERS = 30
CHARACTERS = 256
BYTES = 1600

#: Stands for the value of a header that may hold a secret.
HIDDEN = "hidden"
_SECRET_NAME = re.compile(r"auth|cookie|credential|csrf|xsrf|key|passw|secret|session|signature|token")
_SECRET_VALUE = re.compile(r"\s*(?:basic|bearer|digest|negotiate)\s", re.IGNORECASE)


def kept(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers to keep, by lower-case name; values of one name are joined by a comma (RFC 9110, 5.3)."""
    result: dict[str, str] = {}
    size = 0
    for raw, content in islice(headers, HEADERS):
        name, value, length = _line(raw[:CHARACTERS], content[: 4 * CHARACTERS])
        size += length
        if size > BYTES:
            break
        if name in result:
            value = HIDDEN if HIDDEN in {value, result[name]} else f"{result[name]}, {value}"
        result[name] = value
    return result


@lru_cache(maxsize=1000)  # most lines of an endpoint's responses are the same each time
def _line(raw: bytes, content: bytes) -> tuple[str, str, int]:
    """Return the name, the value and their bytes, with those of a comma."""
    name, value = _text(raw).lower(), _text(content)
    if _SECRET_NAME.search(name) or _SECRET_VALUE.match(value):
        value = HIDDEN
    return name, value, len(name.encode()) + len(value.encode()) + 2


def _text(raw: bytes) -> str:
    """Return the start of it, read as UTF-8 or else Latin-1, with a mark for each unprintable character."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        # the last character may have been cut in two
        text = raw[: exc.start].decode() if exc.start > 4 * CHARACTERS - 4 else raw.decode("latin-1")
    text = text[:CHARACTERS]
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
