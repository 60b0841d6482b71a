"""Keep a file with secrets out of git."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


def ignore(file: Path) -> Literal["ignored", "added", "tracked", "no repository"]:
    """Make git ignore a file, by a line in the .gitignore next to it; return how it is now.

    "tracked": git has it already, so that no line helps.
    """
    if not shutil.which("git") or _git(file, "rev-parse", "--is-inside-work-tree"):
        return "no repository"
    if _git(file, "ls-files", "--error-unmatch", "--", file.name) == 0:
        return "tracked"
    if _git(file, "check-ignore", "--quiet", "--", file.name) == 0:
        return "ignored"
    listed = file.with_name(".gitignore")
    text = listed.read_text() if listed.exists() else ""
    listed.write_text(f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{file.name}\n")
    return "added"


def _git(file: Path, *arguments: str) -> int:
    """Return a command's exit code. A repository's own programs are not run."""
    return subprocess.run(  # noqa: S603 - no shell
        ["git", "-c", "core.fsmonitor=false", *arguments],  # noqa: S607 - where PATH finds it
        cwd=file.absolute().parent, capture_output=True, check=False,
    ).returncode  # fmt: skip
