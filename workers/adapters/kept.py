"""What is kept of a response's headers: few and short ones, as text that JSON and Postgres can keep, no secrets."""

from __future__ import annotations

import re
from functools import lru_cache
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
    for count, (raw, content) in enumerate(headers):
        if count == HEADERS:
            break
        name, secret = _name(raw[:CHARACTERS])
        value = HIDDEN if secret else _text(content)
        if _SECRET_VALUE.match(value):
            value = HIDDEN
        if name in result:
            value = result[name] if HIDDEN in {value, result[name]} else f"{result[name]}, {value}"
            size -= _bytes(name, result[name])
        size += _bytes(name, value)
        if size > BYTES:
            break
        result[name] = value
    return result


@lru_cache(maxsize=1000)  # the same few names come with each response
def _name(raw: bytes) -> tuple[str, bool]:
    name = _text(raw).lower()
    return name, bool(_SECRET_NAME.search(name))


def _text(raw: bytes) -> str:
    """Return the start of it, read as UTF-8 or else Latin-1, with a mark for each unprintable character."""
    raw = raw[: 4 * CHARACTERS]
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    text = text[:CHARACTERS]
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _bytes(name: str, value: str) -> int:
    return len(name.encode()) + len(value.encode())
