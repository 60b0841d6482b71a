"""What others wrote and the gateway serves: listed with its licence, and unchanged."""

from __future__ import annotations

import hashlib
import re

from tests.conftest import ROOT

VENDOR = ROOT / "gateway" / "static" / "vendor"


def test_every_file_is_listed_and_unchanged() -> None:
    """By its SHA-256; each folder holds its licence."""
    rows = re.findall(r"^\| `(\S+)` \|.*\| `([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text(), re.MULTILINE)
    served = [file for file in VENDOR.rglob("*") if file.suffix in {".js", ".css", ".woff2"}]
    assert dict(rows) == {
        str(file.relative_to(VENDOR)): hashlib.sha256(file.read_bytes()).hexdigest() for file in served
    }
    assert all((file.parent / "LICENSE").is_file() for file in served)


def test_every_page_uses_the_version_that_is_there() -> None:
    """And each version is used."""
    files = [*(ROOT / "gateway" / "templates").glob("*.html"), *VENDOR.parent.glob("*.css")]
    used = set(re.findall(r'"(?:/static/)?vendor/([^/"]+)/', "".join(file.read_text() for file in files)))
    assert used == {folder.name for folder in VENDOR.iterdir() if folder.is_dir()}
