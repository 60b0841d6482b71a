"""A stream of HTTP requests, as they come over a connection: what is called, in pieces of any size."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: A request's head: the path's last part, without its parameters.
NAME = re.compile(rb"[A-Z]+ [^ ?]*/([^ ?/]*)")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Requests:
    """A stream of requests, cut where each begins; bodies have a Content-Length, as those of every client here do."""

    def __init__(self, found: Callable[[str], None]) -> None:
        self._found = found
        self._head = b""
        self._body = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        while data:
            if self._body:
                passed = min(self._body, len(data))
                self._body, data = self._body - passed, data[passed:]
                continue
            head, end, data = (self._head + data).partition(b"\r\n\r\n")
            self._head = b"" if end else head
            if end:
                name, length = NAME.match(head), LENGTH.search(head)
                self._body = int(length[1]) if length else 0
                self._found(name[1].decode() if name else "?")
