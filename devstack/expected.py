"""What a database of this version contains: webhooks/expected.json, read from one that the migrations made."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import psycopg

from devstack.postgres import Postgres
from devstack.schemas import ROOT
from devstack.stack import MIGRATIONS
from devstack.supabase_lite import migrate

FILE = ROOT / "webhooks" / "expected.json"

#: label -> the migrations that have been applied then.
STEPS = {"system": ("upgrade", "webhooks.sql"), "platform": ("platform",)}


def quiet(_: str) -> None:
    """Say nothing."""


def read(server: Postgres, directory: Path) -> str:
    """Return the file's text, from a server."""
    folder = Path(tempfile.mkdtemp(dir=directory))
    dsn = server.create(f"expected_{folder.name.lower()}")
    made: dict[str, dict[str, dict[str, str]]] = {}
    before: dict[str, dict[str, str]] = {}
    for label, ends in STEPS.items():
        for file in sorted(MIGRATIONS.glob("*.sql")):
            if file.stem.endswith(tuple(end.removesuffix(".sql") for end in ends)):
                (folder / file.name).write_bytes(file.read_bytes())
        migrate(directory, dsn, folder, say=quiet)
        with psycopg.connect(dsn) as db:
            row = db.execute("select webhooks.webhook_inventory()").fetchone()
        assert row is not None  # noqa: S101 - a function without rows has one
        made[label] = {
            kind: {name: mark for name, mark in objects.items() if name not in before.get(kind, {})}
            for kind, objects in row[0].items()
        }
        before = row[0]
    server.drop(dsn.rsplit("/", 1)[-1])
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


def write() -> None:
    """Write the file, from a Postgres of its own."""
    directory = ROOT / ".devstack" / "expected"
    directory.mkdir(parents=True, exist_ok=True)
    server = Postgres(directory / "postgres", say=quiet)
    server.start()
    try:
        FILE.write_text(read(server, directory))
    finally:
        server.stop()


if __name__ == "__main__":
    write()
