"""Words that read as translated, in what people read: `make check`. Each has the usual one next to it.

Read are comments, docstrings and texts of several words; of templates, pages and workflows each line. A name in code,
as in `answered_at`, is not read.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]

#: A regular expression for what is not written -> what is.
WORDS = {
    r"answer(s|ed|ing)?": "response, respond, return",
    r"(?<!connection )(?<!connections )refus(e|es|ed|ing|als?)(?! connections?)": "reject, rejected",
    r"mend(s|ed|ing)?": "fix, repair",
    r"hears?|heard": "receive, be notified",
    r"told (of|from)": "notified of, distinguished from",
    r"nobody(?!@)|to nobody but": "no one, no user, only",
    r"somebody|everybody|whoever": "someone, everyone, or the person's role",
    r"stands? in for": "replaces, acts as",
    r"gives? way": "yields, waits, backs off",
    r"tried again": "retried",
    r"(?<!there )(is|are|was) no (?!longer|more|less|different)": "is not a",
    r"is none of (its|their|our)|none of its own": "is not",
    r"(for|of|to|by|from|with|than) who": "for someone who, for the caller that",
    r"anew": "again, from the start",
    r"(is|are|be|was|were) gone|taken away": "deleted, stopped, no longer exists",
    r"worth (its|their) while": "worthwhile, pays off",
    r"all the same": "still, anyway",
    r"seldom": "rarely, less often",
    r"stands? twice": "appears twice",
    r"under way": "in progress, running, in flight",
    r"beside": "besides, next to, in addition to",
    r"so many(?! that)|for so long(?! that)": "this many, for this long, or the number's name",
    r"once more": "again",
    r"for want of": "for lack of",
    r"for ever": "forever",
    r"by comma": "comma-separated",
    r"a right one is|right ones are": "example:",
    r"spans? of time": "duration",
}
BANNED = re.compile("|".join(rf"(?P<w{n}>\b(?:{one})\b)" for n, one in enumerate(WORDS)), re.IGNORECASE)

#: Not read: this table and its test, what others wrote, and what is produced from what is read.
LEFT_OUT = re.compile(
    r"devstack/words\.py|tests/unit/test_words\.py|uv\.lock|LICENSE|(.*/)?vendor/.*|.*/package-lock\.json"
    r"|webhooks/expected\.json|supabase/(migrations|optional)/.*|tests/platform/existing_schema\.sql"
    r"|.*\.(png|svg|ttf|woff2)"
)

#: Where such a word is right: a line with one of these is not read.
ALLOWED = ("runs as nobody",)

#: In a text: a name between backquotes, a value between quotes, what an f-string holds.
CODE = re.compile(r"`[^`]*`|\"\w+\"|\{[^{}]*\}")


def python(source: str) -> Iterator[tuple[int, str]]:
    """Yield the comments, docstrings and texts of Python with their lines' numbers."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        text = token.type == tokenize.STRING and " " in token.string
        if token.type == tokenize.COMMENT or text:
            for number, line in enumerate(token.string.splitlines(), token.start[0]):
                yield number, CODE.sub(" ", line)


def sql(source: str) -> Iterator[tuple[int, str]]:
    """Yield the comments and texts of SQL."""
    for number, line in enumerate(source.splitlines(), 1):
        comment = re.search(r"--.*", line)
        texts = [text for text in re.findall(r"'((?:[^']|'')*)'", line) if " " in text]
        yield number, " | ".join([*texts, *([comment[0]] if comment else [])])


def script(source: str) -> Iterator[tuple[int, str]]:
    """Yield the comments and texts of JavaScript, TypeScript and CSS."""
    for number, line in enumerate(source.splitlines(), 1):
        found = re.findall(r"(?:^|\s)//.*|/?\*.*|\"[^\"]* [^\"]*\"|`[^`]* [^`]*`", line)
        yield number, " | ".join(found)


def prose(source: str) -> Iterator[tuple[int, str]]:
    """Yield every line, without what is code in it or a tag."""
    for number, line in enumerate(source.splitlines(), 1):
        yield number, re.sub(r"`[^`]*`|<[^>]*>|\{[%{].*?[%}]\}|\$\{\w+\}", " ", line)


#: suffix -> what people read of such a file; of any other each line.
READERS: dict[str, Callable[[str], Iterator[tuple[int, str]]]] = {
    ".py": python, ".pyi": python, ".sql": sql, ".js": script, ".mjs": script, ".ts": script, ".css": script
}  # fmt: skip


def problems(name: str, source: str) -> Iterator[str]:
    """Yield each such word of a file, with its line and the usual word."""
    instead = list(WORDS.values())
    for number, line in READERS.get(Path(name).suffix, prose)(source):
        if any(one in line for one in ALLOWED):
            continue
        for found in BANNED.finditer(line):
            number_of_word = next(n for n in range(len(instead)) if found[f"w{n}"])
            yield f"{name}:{number}: {found[0]!r}; write: {instead[number_of_word]}"


def tracked() -> list[str]:
    """Return the files that are read, by their names in the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.splitlines() if not LEFT_OUT.fullmatch(name) and not (ROOT / name).is_symlink()]


def main() -> int:
    """Print what is found; return the exit code."""
    found = [one for name in tracked() for one in problems(name, (ROOT / name).read_text())]
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
