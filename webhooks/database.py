"""A Supabase project's Postgres, and the migrations that are applied to it as the Supabase CLI does it."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from webhooks.errors import MigrationError
from webhooks.sql import statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

#: Held while migrations are applied, so that two at once wait for each other: "webhooks" in ASCII.
LOCK = 0x776562686F6F6B73

#: Seconds that one of two waits for the other; then it says so.
LOCK_SECONDS = 60

#: The Supabase CLI's own table, column for column (supabase/cli, pkg/migration/history.go).
HISTORY = """
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
    alter table supabase_migrations.schema_migrations add column if not exists statements text[];
    alter table supabase_migrations.schema_migrations add column if not exists name text;
"""


@dataclass(frozen=True)
class Migration:
    """A file `<version>_<name>.sql`."""

    version: str
    name: str
    sql: str

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return the migration in a file."""
        version, _, name = file.stem.partition("_")
        return cls(version, name, file.read_text())


def shipped(folder: str = "migrations") -> Path:
    """Return a folder of SQL, inside the installed package, else the source tree's.

    "migrations" is for every app, "optional" for those that want their history partitioned.
    """
    with as_file(files("webhooks") / folder) as installed:
        return installed if installed.is_dir() else Path(__file__).parent.parent / "supabase" / folder


def migrations(*folders: Path) -> list[Migration]:
    """Return the migrations of folders, in their order."""
    found = [Migration.read(file) for folder in folders for file in folder.glob("[0-9]*_*.sql")]
    return sorted(found, key=lambda migration: migration.version)


class Database:
    """A context manager: a connection to a Supabase project's Postgres. Every error is a MigrationError."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None

    def __enter__(self) -> Self:
        try:
            import psycopg  # noqa: PLC0415 - of an extra, which gateway and workers do without
        except ModuleNotFoundError as exc:
            raise MigrationError(
                "migrate needs psycopg, which is not installed; install it: pip install 'supabase-webhooks[migrate]'"
            ) from exc
        self._error: type[Exception] = psycopg.Error
        # no prepared statements: a pooler in transaction mode gives each transaction another server connection
        self._connect = partial(psycopg.connect, self._dsn, autocommit=True, connect_timeout=10, prepare_threshold=None)
        with self._translated("connecting"):
            try:
                self._connection = self._connect()
            except psycopg.ProgrammingError:
                # its text repeats the DSN, password included
                raise MigrationError(
                    "the DSN is malformed; a right one is postgresql://postgres:<password>@db.<ref>.supabase.co:5432/postgres"
                ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def problem(self) -> str | None:
        """Return why this is no Supabase database, or None."""
        with self._translated("looking around"):
            row = self._connection.execute(
                "select to_regprocedure('auth.uid()') is not null,"
                " (select count(*) from pg_catalog.pg_roles"
                "  where rolname in ('anon', 'authenticated', 'service_role'))"
            ).fetchone()
        if row == (True, 3):
            return None
        return (
            "this is no Supabase database: it has no function auth.uid(), or no roles anon, authenticated, service_role"
        )

    def applied(self) -> dict[str, str]:
        """Return the names of the applied migrations by version, whoever applied them."""
        with self._translated("reading the applied migrations"):
            table = "supabase_migrations.schema_migrations"
            if self._connection.execute("select to_regclass(%s)", (table,)).fetchone()[0] is None:
                return {}
            # an old CLI's table has no names: the column is read if it is there
            rows = self._connection.execute(f"select version, to_jsonb(m) ->> 'name' from {table} as m")  # noqa: S608 - our constant
            return {version: name or "" for version, name in rows.fetchall()}

    def apply(self, migration: Migration) -> None:
        """Apply a migration and record it, both or neither."""
        with self._translated(f"{migration.version}_{migration.name}.sql"), self._connection.transaction():
            self._connection.execute(migration.sql)
            self._connection.execute(
                "insert into supabase_migrations.schema_migrations (version, statements, name) values (%s, %s, %s)",
                (migration.version, statements(migration.sql), migration.name),
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of migrations, with the history's table made.

        A transaction on a second connection holds it: a pooler in transaction mode keeps a session's lock for ever, and
        ends a transaction with its client. Between statements it holds no snapshot.
        """
        with self._translated("connecting"):
            holder = self._connect()
        with closing(holder):
            with self._translated("another `webhooks migrate` is under way, or its connection is still open"):
                holder.execute("begin; set local idle_in_transaction_session_timeout = 0")
                holder.execute(f"set local lock_timeout = '{LOCK_SECONDS}s'")
                holder.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            with self._translated("locking"):
                self._connection.execute(HISTORY)
            yield
            with suppress(self._error):
                # the server would find out a moment after the connection is closed
                holder.execute("rollback")

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except self._error as exc:
            # psycopg names host, user and database when a connection fails, never the password
            raise MigrationError(f"{doing}: {str(exc).strip()}") from exc
