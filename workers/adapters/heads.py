"""Heads of responses that a strict parser rejects and every browser accepts, in a form that the parser takes.

Source: RFC 9112, sections 2.2 (bare LF), 5.2 (folded lines) and 6.3 (lengths), and browsers' behavior. Where
the length of a body is in doubt, what follows it could be taken for another response: the connection is not reused.
"""

from __future__ import annotations

import re

#: Where a head ends: a blank line.
END = re.compile(rb"\n\r?\n")

#: The beginning of every head, as far as it has been received.
START = re.compile(rb"[\r\n]*(?:H(?:T(?:T(?:P(?:/.*)?)?)?)?)?\Z", re.IGNORECASE | re.DOTALL)

_STATUS = re.compile(rb"HTTP/[0-9](?:\.[0-9])?[ \t]+([1-9][0-9]{2})(?![0-9])[ \t]*([^\r\n]*)", re.IGNORECASE)
_FINAL = re.compile(rb"^HTTP/[0-9](?:\.[0-9])?[ \t]+([2-9][0-9]{2})[ \t\r\n]", re.IGNORECASE | re.MULTILINE)
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:(.*)", re.DOTALL)
_FOLD = re.compile(rb"\r?\n[ \t]+")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_FRAMING = (b"content-length", b"transfer-encoding")


def repaired(raw: bytes) -> bytes | None:
    """Return the first final response, its head in strict form, or None while its head is incomplete.

    Raises ValueError for what browsers do not accept either. Takes linear time.
    """
    while end := END.search(raw := raw.lstrip(b"\r\n")):
        line = _STATUS.match(raw)
        if line is None:
            raise ValueError("the status line is malformed")
        head, rest = raw[line.end() : end.start() + 1], raw[end.end() :]
        code = int(line[1])
        if 100 <= code < 200 and code != 101:  # noqa: PLR2004 - an interim response: another follows
            raw = rest
            continue
        lines = [b"HTTP/1.1 %d %b" % (code, _CONTROLS.sub(b" ", line[2]).strip())]
        lines += [b"%b: %b" % header for header in _headers(head)]
        return b"\r\n".join([*lines, b"", rest])
    return None


def status(raw: bytes | bytearray) -> int | None:
    """Return the final status of a response whose head is incomplete, or None."""
    return int(found[1]) if (found := _FINAL.search(raw)) else None


def _headers(head: bytes) -> list[tuple[bytes, bytes]]:
    """Return a head's headers: malformed lines are dropped, and one of the two framings is kept."""
    headers: list[tuple[bytes, bytes]] = []
    framing: dict[bytes, list[bytes]] = {name: [] for name in _FRAMING}
    for line in _FOLD.sub(b" ", head).split(b"\n"):
        if not (found := _HEADER.match(line)):
            continue
        name, value = found[1], _CONTROLS.sub(b" ", found[2]).strip()
        if name.lower() in framing:
            framing[name.lower()] += [part.strip().lower() for part in value.split(b",")]
        else:
            headers.append((name, value))
    lengths, encodings = (framing[name] for name in _FRAMING)
    if b"chunked" in encodings:
        headers.append((b"Transfer-Encoding", b"chunked"))
    elif len(set(lengths)) > 1:
        raise ValueError("the response has several lengths")
    elif lengths and lengths[0].isdigit() and len(lengths[0]) < 16:  # noqa: PLR2004 - 64 bits have 19 digits
        headers.append((b"Content-Length", lengths[0]))
    return headers
