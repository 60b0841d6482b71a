"""A server like hosted Supabase's: its roles, owners, default privileges and event triggers, from tests/hosted/sql."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from devstack.errors import StackError
from devstack.postgres import Postgres, available
from devstack.supabase_cli import supabase

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable

SQL = Path(__file__).parent / "sql"

#: Debian's package of it is for this version.
VERSION = 15

#: The project's database, without anything of ours. What runs a cron is in the database `postgres`: see cron.sql.
PROJECT = "project"

PG_CRON = Path(f"/usr/share/postgresql/{VERSION}/extension/pg_cron.control")


def lacking() -> str | None:
    """Return what this machine lacks for it, or None."""
    if not available(VERSION):
        return f"Postgres {VERSION} is not on this machine (apt install postgresql-{VERSION})"
    if not PG_CRON.exists():
        return f"pg_cron is not on this machine (apt install postgresql-{VERSION}-cron)"
    return None


class Hosted(Postgres):
    """Postgres as a project's owner meets it: a connection string is the role postgres's, which is not a superuser."""

    superuser = "supabase_admin"
    options = {  # noqa: RUF012 - nothing changes it
        "shared_preload_libraries": "pg_cron",
        "cron.database_name": "postgres",
        # its jobs log in over TCP: there is no socket
        "cron.host": "127.0.0.1",
        # what a waiter may see before Postgres looks for a deadlock; the default, as hosted
        "deadlock_timeout": "1s",
    }

    def __init__(self, directory: Path, *, data: Path | None = None) -> None:
        super().__init__(directory, data=data, version=VERSION, say=lambda _: None)

    def start(self) -> None:
        """Start, and make the roles and the project's database."""
        super().start()
        self.run("01_roles.sql", database="postgres")
        super().create(PROJECT)
        for database in ("postgres", PROJECT):
            self._owned(database)
            self.run(*(file.name for file in sorted(SQL.glob("0[2-9]_*.sql"))), database=database)
        self.run("cron.sql", database="postgres")

    def create(self, database: str, *, template: str = PROJECT) -> str:
        """Create a project's database and return its owner's connection string."""
        super().create(database, template=template)
        self._owned(database)
        return self.dsn(database)

    def run(self, *files: str, database: str) -> None:
        """Run files of tests/hosted/sql in a database, as the platform's superuser."""
        with psycopg.connect(self.dsn(database, user=self.superuser)) as connection:
            for file in files:
                connection.execute((SQL / file).read_bytes())

    def _owned(self, database: str) -> None:
        with psycopg.connect(self.dsn(user=self.superuser), autocommit=True) as connection:
            connection.execute(f'alter database "{database}" owner to postgres'.encode())


def push(project: Path, dsn: str, files: Iterable[Path]) -> None:
    """Push migrations into a database with the Supabase CLI, from a new project's folder. Raises StackError."""
    done = try_to_push(project, dsn, files)
    if done.returncode:
        raise StackError(f"supabase db push failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def try_to_push(project: Path, dsn: str, files: Iterable[Path]) -> subprocess.CompletedProcess[str]:
    """Push migrations into a database with the Supabase CLI, from a new project's folder; return how it ended."""
    shutil.rmtree(project, ignore_errors=True)
    migrations = project / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations.parent / "config.toml").write_text('project_id = "app"\n')
    for file in files:
        shutil.copyfile(file, migrations / file.name)
    return supabase("db", "push", "--db-url", f"{dsn}?sslmode=disable", cwd=project)
