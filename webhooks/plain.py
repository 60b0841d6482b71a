"""Untrusted text, made safe for terminals and messages."""

from __future__ import annotations

import re

#: What controls a terminal, or reorders and hides the text around it: C0 but tab and newline, DEL, C1, separators of
#: lines, bidirectional controls (Unicode's UAX #9), deprecated and annotation controls, tags, halves of pairs.
OBEYED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e007f]"
)


def plain(text: str) -> str:
    """Return text with U+FFFD for each character that controls a terminal, or reorders what people read."""
    return OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped(json_text: str, characters: re.Pattern[str] = OBEYED) -> str:
    """Return JSON text in which such characters are escaped: programs read the same value."""
    return characters.sub(_by_number, json_text)


def _by_number(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))
