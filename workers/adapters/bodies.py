"""Bodies of responses as text for people: decompressed up to a limit, decoded with the receiver's charset."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

#: charset, in lower case -> Python's codec. What is not here is read as UTF-8: a receiver does not choose among all
#: of Python's codecs, of which some are slow and some no encodings of text.
CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "iso-8859-1": "cp1252",  # as browsers read it (https://encoding.spec.whatwg.org/#names-and-labels)
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "iso-8859-2": "iso-8859-2",
    "iso-8859-15": "iso-8859-15",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "koi8-r": "koi8-r",
    "shift_jis": "cp932",
    "euc-jp": "euc-jp",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5",
    "euc-kr": "cp949",
    "utf-16": "utf-16",
}

#: Content-Encoding -> zlib's window sizes to try (zlib.decompressobj): deflate is sent with and without its header.
WINDOWS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}

_CHARSET = re.compile(r"charset=[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_ENCODING = re.compile(r"[A-Za-z0-9-]{1,20}")


def readable(body: bytes, headers: httpx.Headers, *, limit: int) -> str:
    """Return a body as text of at most `limit` bytes; if it cannot be decompressed, a description of it."""
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if body and encoding not in {"", "identity"}:
        unpacked = _unpacked(body, encoding, limit)
        if not unpacked:
            name = encoding if _ENCODING.fullmatch(encoding) else "unknown encoding"
            return f"compressed ({name}), {len(body)} bytes"
        body = unpacked
    charset = _CHARSET.search(headers.get("Content-Type", ""))
    return body.decode(CHARSETS.get(charset[1].lower(), "utf-8") if charset else "utf-8", errors="replace")


def _unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """Return as much of a compressed body as can be read, possibly nothing."""
    for window in WINDOWS.get(encoding, ()):
        try:
            return zlib.decompressobj(window).decompress(body, limit)
        except zlib.error:
            continue
    return b""
