"""supabase/migrations is what supabase/schemas produces, and each of its files can be recognized."""

from __future__ import annotations

import re

from devstack.schemas import produce, schema_files
from devstack.stack import MIGRATIONS
from supabase_webhooks.webhooks.migration import LABELS, Migration
from tests.conftest import ROOT


def test_the_migrations_are_produced_from_the_schemas() -> None:
    """They are not edited by hand, and `make migrations` was run."""
    wanted = produce()
    there = {file: file.read_text() for folder in {file.parent for file in wanted} for file in folder.glob("*.sql")}
    differ = sorted(file.name for file in wanted if there.get(file) != wanted[file])
    assert differ == [], "run: make migrations"
    assert {file for file in there if file.parent == MIGRATIONS} <= wanted.keys()


def test_the_schemas_are_complete() -> None:
    """Each file below supabase/schemas is loaded, once."""
    files = schema_files()
    assert len(files) == len(set(files))
    assert set(files) == set((ROOT / "supabase" / "schemas").rglob("*.sql"))


def test_each_migration_is_recognized() -> None:
    """By a line inside, with a label of its own, whatever its file is called; the name is one of the Supabase CLI's."""
    labels = []
    for file in produce():
        assert re.fullmatch(r"\d{14}_[a-z0-9_]+\.sql", file.name)
        migration = Migration.read(file)
        assert migration, file.name
        assert LABELS[migration.label] == file.parent.name
        labels.append(migration.label)
    assert len(labels) == len(set(labels))
