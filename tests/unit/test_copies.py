"""Copies of the migrations: stamped after the app's own, and known again by what is inside."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from supabase_webhooks.webhooks.copies import STAMP, copy
from supabase_webhooks.webhooks.errors import MigrationError
from supabase_webhooks.webhooks.migration import migrations

if TYPE_CHECKING:
    from pathlib import Path

ALL = migrations("upgrade", "system", "platform")
SYSTEM = migrations("system")


def names(folder: Path) -> list[str]:
    """Return the files in the order in which the Supabase CLI applies them."""
    return sorted(file.name for file in folder.glob("*.sql"))


@pytest.mark.parametrize(
    ("newest", "first"),
    [
        (None, None), ("20200101000000", None), ("0001", None),
        ("20991231235958", "20991231235959"), ("20991231235959", "21000101000000"),
        ("20999999999999", "21000000000000"),
    ],
)  # fmt: skip
def test_stamps(tmp_path: Path, newest: str | None, first: str | None) -> None:
    """After the newest, now or later, in their order, and all different; a number that is not a time counts too."""
    if newest:
        (tmp_path / f"{newest}_app.sql").write_text("select 1;")
    before = datetime.now(UTC).strftime(STAMP)
    done = copy(tmp_path, ALL)
    assert [one.label for one in done] == ["upgrade", "system", "platform"]
    stamps = [one.file.name.split("_")[0] for one in done]
    assert all(re.fullmatch(r"\d{14}", stamp) for stamp in stamps)
    assert stamps == sorted(set(stamps))
    assert stamps[0] >= before
    assert first in {None, stamps[0]}
    assert names(tmp_path)[-3:] == [one.file.name for one in done]


def test_a_copy_is_recognized_by_its_mark(tmp_path: Path) -> None:
    """Whatever it is called now, and when something stands above the mark."""
    (done,) = copy(tmp_path, SYSTEM)
    renamed = tmp_path / "20210101000000_theirs.sql"
    renamed.write_text("-- reviewed by Ana\n" + done.file.read_text())
    done.file.unlink()
    assert [(one.result, one.file) for one in copy(tmp_path, SYSTEM)] == [("kept", renamed)]
    assert names(tmp_path) == [renamed.name]


def test_what_comes_later_is_stamped_after_the_apps_next(tmp_path: Path) -> None:
    """The platform's catalog, asked for after the app went on."""
    copy(tmp_path, SYSTEM)
    (tmp_path / "20991231000000_app.sql").write_text("select 1;")
    done = copy(tmp_path, migrations("system", "platform"))
    assert [(one.label, one.result) for one in done] == [("system", "kept"), ("platform", "copied")]
    assert done[1].file.name.startswith("20991231000001_")


def test_another_version_of_the_package(tmp_path: Path) -> None:
    """Its copy stays; with `update` the new one is added after it, once."""
    old = tmp_path / "20210101000000_webhooks.sql"
    old.write_text(f"-- webhooks migration: system {'a' * 64}\nselect 1;")
    assert [(one.result, one.file) for one in copy(tmp_path, SYSTEM)] == [("differs", old)]
    assert copy(tmp_path, SYSTEM, update=True)[0].result == "copied"
    assert [one.result for one in copy(tmp_path, SYSTEM, update=True)] == ["kept"]
    assert len(names(tmp_path)) == 2
    assert "select 1;" in old.read_text()


def test_the_upgrade_cannot_come_after_the_system(tmp_path: Path) -> None:
    """It alters the tables that the system then finds; nothing is copied."""
    copy(tmp_path, SYSTEM)
    with pytest.raises(MigrationError, match=r"the upgrade must come before \d+_webhooks.sql.* delete that file"):
        copy(tmp_path, ALL)
    assert len(names(tmp_path)) == 1
