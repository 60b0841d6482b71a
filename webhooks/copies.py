"""Copies of the migrations in an app's own folder, from which `supabase db push` applies them."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from supabase_webhooks.webhooks.errors import MigrationError
from supabase_webhooks.webhooks.migration import find

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from supabase_webhooks.webhooks.migration import Migration

#: A version as the Supabase CLI stamps it.
STAMP = "%Y%m%d%H%M%S"


@dataclass(frozen=True)
class Copy:
    """The result for one migration. "differs": the folder has it from another version of this package."""

    label: str
    file: Path
    result: Literal["copied", "kept", "differs"]


def copy(directory: Path, wanted: Sequence[Migration], *, update: bool = False) -> list[Copy]:
    """Copy the wanted migrations that a folder lacks, each with a version after those in it.

    `update`: also those that it has from another version of this package, again, after them.
    """
    there = find(directory)
    labels = {one.label for one in there}
    if "upgrade" in {one.label for one in wanted} - labels and "system" in labels:
        system = next(one.file for one in there if one.label == "system")
        raise MigrationError(
            f"the upgrade must come before {system.name}, which already exists: delete that file and run this again; "
            "if it has been pushed, the upgrade is not needed any more"
        )
    done = []
    for one in wanted:
        # the newest of several
        same = next((old for old in reversed(there) if old.label == one.label), None)
        if same is None or (same.checksum != one.checksum and update):
            target = directory / f"{_next_version(directory)}_{one.file.name.partition('_')[2]}"
            shutil.copyfile(one.file, target)
            done.append(Copy(one.label, target, "copied"))
        else:
            done.append(Copy(one.label, same.file, "kept" if same.checksum == one.checksum else "differs"))
    return done


def _next_version(directory: Path) -> str:
    """Return a version after every one in the folder, and not before now: the app's next own one comes after it."""
    now = datetime.now(UTC).strftime(STAMP)
    newest = max((found[0] for file in directory.glob("*.sql") if (found := re.match(r"\d+", file.name))), default="")
    if newest < now:
        return now
    try:
        return (datetime.strptime(newest, STAMP).replace(tzinfo=UTC) + timedelta(seconds=1)).strftime(STAMP)
    except ValueError:
        # not a valid time, but a number: the CLI requires no more
        return str(int(newest) + 1)
