"""README.md is short, and what README, SECURITY and docs/ point to exists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_readme_is_short() -> None:
    """Figures and details are on the site."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_what_is_never_lost_is_one_paragraph() -> None:
    """It names the tests that show it, and says what the database's own crash costs."""
    (paragraph,) = re.findall(
        r"^\*\*What is never lost, and what can arrive twice\.\*\*(?:.+\n)+",
        (ROOT / "README.md").read_text(),
        re.MULTILINE,
    )
    assert len(re.findall(r"`tests/[\w/.]+`", paragraph)) >= 5
    assert "`synchronous_commit` is off for workers' transactions" in paragraph


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_it_names_exists(page: Path) -> None:
    """Tests in backticks, and files that a link leads to (the site's build checks their headings)."""
    text = page.read_text()
    named = re.findall(r"`(tests/[\w/.]+?)(?:::\w+)?`", text)
    linked = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [name for name in linked if not (page.parent / name).exists()]
    assert not missing
