"""Pagination by cursor: an opaque string that says where the next page begins."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Generic, TypeVar

import msgspec
from litestar.exceptions import ValidationException

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T]):
    """A page. Pass `next_cursor` as `cursor` to get the next page; null on the last page."""

    items: list[T]
    next_cursor: str | None


def encode(key: dict[str, Any] | None) -> str | None:
    """Return a cursor for the arguments of the next page."""
    return None if key is None else base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode(cursor: str | None, *names: str) -> dict[str, str]:
    """Return the arguments in a cursor; raise ValidationException (400) for an invalid one."""
    if not cursor:
        return {}
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = msgspec.json.decode(base64.urlsafe_b64decode(padded.encode()), type=dict[str, str])
    except (binascii.Error, ValueError):
        key = {}
    if set(key) != set(names):
        raise ValidationException("the cursor is not valid for this list; start without one")
    return key
