"""JSON that keeps each number exactly: 2^53+1, 1.10 and 1e400 stay as they are.

A float would round them, and Python reads no integer of more than 4,300 digits.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

#: Digits up to which a number is an int; beyond, Python would raise (its documentation, "Integer string conversion
#: length limitation").
INT_DIGITS = 4000

_encoder = msgspec.json.Encoder(decimal_format="number")

#: A string, which is kept, or white space between tokens.
_BETWEEN = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\n\r]+')


def decode(text: str | bytes, fraction: Callable[[str], object] | None = None) -> Any:  # noqa: ANN401 - any JSON
    """Return the value of JSON; `fraction` reads a number with a point or an exponent, as a Decimal by default.

    Raise ValueError for invalid JSON, and for JSON nested deeper than Python supports.
    """
    try:
        return json.loads(text, parse_float=fraction or _decimal, parse_int=_integer, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def encode(value: object) -> str:
    """Return a value as compact JSON; a Decimal is a number. Raise ValueError if it is nested too deeply."""
    try:
        return _encoder.encode(value).decode()
    except UnicodeEncodeError:
        # half of a surrogate pair: JSON can write it, UTF-8 cannot
        return json.dumps(value, default=float)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def pretty(text: str) -> str:
    """Return JSON text indented by two spaces; if it is nested too deeply for that, return it unchanged."""
    try:
        return msgspec.json.format(text, indent=2)
    except RecursionError:
        return text


def compact(text: str) -> str:
    """Return JSON text without insignificant white space: numbers, escapes and key order do not change."""
    try:
        return msgspec.json.format(text, indent=-1)
    except RecursionError:
        return _BETWEEN.sub(r"\1", text)


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= INT_DIGITS else Decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError("a number's exponent is out of range") from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")
