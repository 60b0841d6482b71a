"""The stack on data of an earlier run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from devstack.errors import StackError
from devstack.ledger import edited
from devstack.stack import DATABASE, MIGRATIONS, Stack
from supabase_webhooks.webhooks.migration import Migration
from tests.conftest import quiet

if TYPE_CHECKING:
    from pathlib import Path

    from devstack.postgres import Postgres

FIRST = "0" * 64


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The migrations in an earlier form."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in MIGRATIONS.glob("*.sql"):
        migration = Migration.read(file)
        assert migration
        (folder / file.name).write_text(migration.sql.replace(migration.checksum, FIRST))
    return folder


def test_edited_migrations_are_found(dsn: str, postgres: Postgres, earlier: Path) -> None:
    """A database fits the form that it was given, and an empty one fits each form; one without a ledger fits none."""
    assert edited(dsn, MIGRATIONS) == []
    assert edited(dsn, earlier) == ["platform", "system", "upgrade"]
    assert edited(postgres.dsn(), MIGRATIONS) == []
    with psycopg.connect(dsn) as connection:
        connection.execute("delete from webhooks.migrations where name = 'platform'")
    assert edited(dsn, earlier) == ["system", "upgrade"], "one that is yet to be applied may have any form"
    with psycopg.connect(dsn) as connection:
        connection.execute("drop table webhooks.migrations")
    assert edited(dsn, MIGRATIONS) == ["system"]


def test_a_database_of_edited_migrations(tmp_path: Path, earlier: Path) -> None:
    """`webhooks dev` keeps its data and says what to do; the demo creates its database again, and says so."""
    # Given a stack whose migrations were edited after its first run
    directory = tmp_path / "stack"
    with Stack(directory, say=quiet, migrations=earlier) as stack:
        dsn = stack.postgres.dsn(DATABASE)
        data = stack.postgres.data
        with psycopg.connect(dsn) as connection:
            connection.execute("create table public.notes ()")

    # When it starts again, then the error names cause and remedy, and nothing is deleted
    with pytest.raises(StackError, match=rf"edited since: platform, system, upgrade\b.*rm -rf {data}$"):
        Stack(directory, say=quiet).__enter__()
    with Stack(directory, say=quiet, migrations=earlier) as stack, psycopg.connect(stack.postgres.dsn(DATABASE)) as db:
        assert db.execute("select from public.notes").rowcount == 0

    # When its data is disposable, then it is created again
    said: list[str] = []
    with Stack(directory, say=said.append, disposable=True) as stack:
        assert edited(stack.postgres.dsn(DATABASE), MIGRATIONS) == []
    assert any("edited since" in line and "creating it again" in line for line in said)
