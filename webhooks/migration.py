"""A migration of this package: recognized by a line inside the file, whatever its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Self

#: label -> the folder that it is shipped in, in the order in which they are applied.
LABELS = {
    "upgrade": "migrations",
    "system": "migrations",
    "platform": "migrations",
    "partitions_foresee": "optional",
    "partitions_read": "optional",
    "partitions_swap": "optional",
}

#: The line by which a migration is recognized, whatever its file's name: its label and its checksum.
_MARK = re.compile(r"^-- webhooks migration: (\w+) ([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True)
class Migration:
    """A migration of this package; `file` is where it was read."""

    label: str
    checksum: str
    sql: str
    file: Path

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """Return the migration in a file, or None if it is not this package's."""
        sql = file.read_text(errors="replace")  # an app's own may be in any encoding
        mark = _MARK.search(sql)
        return cls(mark[1], mark[2], sql, file) if mark else None


def shipped(folder: str = "migrations") -> Path:
    """Return a folder of SQL, inside the installed package, else the source tree's.

    "migrations" is for every app, "optional" for those that want their history partitioned.
    """
    with as_file(files("supabase_webhooks.webhooks") / folder) as installed:
        return installed if installed.is_dir() else Path(__file__).resolve().parent.parent / "supabase" / folder


def find(folder: Path) -> list[Migration]:
    """Return this package's migrations in a folder, by file name."""
    return [one for file in sorted(folder.glob("*.sql")) if (one := Migration.read(file))]


def migrations(*labels: str) -> list[Migration]:
    """Return shipped migrations in the order in which they are applied."""
    found = {one.label: one for folder in dict.fromkeys(LABELS.values()) for one in find(shipped(folder))}
    return [found[label] for label in LABELS if label in labels]
