"""No file holds the marks that a merge leaves where it could not decide."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

#: At the start of a line; seven, so that no heading's underline is one.
MARKS = "^(<{7}|>{7}|[|]{7}) "


def marked(folder: Path) -> list[str]:
    """Return the lines of tracked files that are such marks: file:line:text."""
    command = ["git", "grep", "--line-number", "--extended-regexp", "-I", MARKS]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    # 1: none; anything else: git could not look
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a checkout")
def test_no_conflict_was_committed() -> None:
    """`git diff --check` finds only those that are not committed yet."""
    assert marked(ROOT) == []


def test_a_committed_conflict_is_found(tmp_path: Path) -> None:
    """Of a real merge, in text of any kind."""

    def git(*arguments: str, check: bool = True) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, capture_output=True, check=check)

    git("init", "--quiet", "--initial-branch", "main")
    for branch, text in (("main", "one"), ("other", "two"), ("main", "three")):
        git("switch", "--quiet", *(["--create"] if branch == "other" else []), branch, check=False)
        (tmp_path / "page.md").write_text(f"Title\n=======\n{text}\n")
        git("add", ".")
        git("commit", "--quiet", "--message", text)
    assert marked(tmp_path) == []
    git("merge", "other", check=False)
    git("add", ".")
    git("commit", "--quiet", "--message", "merged")
    assert [re.sub(r"\W", "", line.split(":")[2]) for line in marked(tmp_path)] == ["HEAD", "other"]
