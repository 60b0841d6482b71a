"""The screenshots of the documentation: every page, in every look, and small."""

from __future__ import annotations

from devstack.portal_screenshots import NAMES
from devstack.screenshots import LOOKS, PAGES, TARGET
from tests.conftest import ROOT

#: Bytes of one file.
MOST = 150_000


def test_every_page_has_its_screenshots() -> None:
    """In the light and the dark theme and on a phone; the documentation shows each, and no other file is kept."""
    wanted = {f"{page}{look}.png" for page in (*PAGES, *NAMES) for look in LOOKS}
    assert {file.name for file in TARGET.iterdir()} == wanted
    shown = "".join((ROOT / "docs" / name).read_text() for name in ("dashboard-pages.md", "customers.md"))
    assert [name for name in sorted(wanted) if f"](screenshots/{name})" not in shown] == []


def test_they_are_small() -> None:
    """Each under 150 kB: `make screenshots` with pngquant."""
    assert [file.name for file in TARGET.iterdir() if file.stat().st_size >= MOST] == []
