"""Code that verifies a delivery, ready to copy, without a library: a file for each language in gateway/snippets."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "snippets"

#: Language -> its name on the page, in the order in which they are shown.
LANGUAGES = {
    "javascript": "JavaScript (Node)",
    "typescript": "TypeScript (Deno, Edge Functions)",
    "python": "Python",
    "php": "PHP",
    "ruby": "Ruby",
    "go": "Go",
}


@cache
def snippets() -> dict[str, tuple[str, str]]:
    """Return each language's name on the page and its code."""
    return {language: (name, (FOLDER / f"{language}.txt").read_text()) for language, name in LANGUAGES.items()}
