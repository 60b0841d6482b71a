"""SQL text: a script's statements, as the Supabase CLI records them."""

from __future__ import annotations

import re

#: What may hold a semicolon that ends nothing (the manual, "Lexical Structure"): comments, strings with doubled
#: quotes, strings with backslashes (E'...'), quoted names, and bodies between dollar tags.
_TOKEN = re.compile(
    r"""
      --[^\n]*
    | /\*
    | \b[eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | (?<![A-Za-z0-9_$])\$(?P<tag>[A-Za-z_][A-Za-z0-9_]*)?\$.*?\$(?P=tag)\$
    | (?<![A-Za-z0-9_$])\$\$.*?\$\$
    | ;
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")
_ONLY_COMMENTS = re.compile(r"(\s+|--[^\n]*(\n|$)|/\*.*?\*/)*", re.DOTALL)


def statements(script: str) -> list[str]:
    """Return the statements of a script, without their semicolons; comments stay with the statement they precede."""
    found: list[str] = []
    begin = position = 0
    while token := _TOKEN.search(script, position):
        position = _comment_end(script, token.start()) if token[0] == "/*" else token.end()
        if token[0] == ";":
            found.append(script[begin : token.start()])
            begin = position
    found.append(script[begin:])
    return [text.strip() for text in found if not _ONLY_COMMENTS.fullmatch(text)]


def _comment_end(script: str, begin: int) -> int:
    """Return where a block comment ends: they nest."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(script, begin):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(script)
