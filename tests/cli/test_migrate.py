"""`webhooks migrate` on a real Postgres that has what a Supabase project has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from devstack.supabase_lite import migrate as supabase_migrate
from tests.cli.conftest import run
from tests.conftest import quiet
from webhooks.database import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from devstack.postgres import Postgres

VERSIONS = [file.name.split("_")[0] for file in sorted(shipped().glob("*.sql"))]


@pytest.fixture
def project(postgres: Postgres, directory: Path) -> Iterator[str]:
    """An empty Supabase project: auth and roles, and one migration of the app's own."""
    folder = directory / "app-migrations"
    folder.mkdir(exist_ok=True)
    (folder / "20200101000000_app.sql").write_text("create table public.app (id int);")
    dsn = postgres.create("migrate_project")
    supabase_migrate(directory, dsn, folder, say=quiet)
    with psycopg.connect(dsn) as db:
        # Supabase Lite makes its roles for the whole cluster when it starts
        for role in ("anon", "authenticated", "service_role"):
            if not db.execute("select from pg_roles where rolname = %s", (role,)).rowcount:
                # as Lite makes it, for tests after this one
                db.execute(f"create role {role} {'bypassrls' if role == 'service_role' else ''}".encode())
    yield dsn
    postgres.drop("migrate_project")


def test_apply_and_status(project: str, directory: Path) -> None:
    """Pending, applied in order, up to date; and the Supabase CLI agrees that nothing is left to do."""
    variables = {"DATABASE_URL": project}
    before = run("migrate", "status", "--json", variables=variables)
    assert before.code == 1
    assert {row["status"] for row in before.json["migrations"]} == {"pending"}
    assert before.json["others"] == 1

    done = run("migrate", "apply", "--json", variables=variables)
    assert done.code == 0, done.err
    assert [name.split("_")[0] for name in done.json["applied"]] == VERSIONS
    assert run("migrate", "apply", "--json", variables=variables).json == {"applied": []}
    assert run("migrate", "status", variables=variables).code == 0

    with psycopg.connect(project) as db:
        rows = db.execute("select version, name, statements from supabase_migrations.schema_migrations").fetchall()
        assert [version for version, _, _ in sorted(rows)] == ["20200101000000", *VERSIONS]
        assert all(name and statements for _, name, statements in rows)
        assert db.execute("select count(*) > 0 from public.webhook_event_types").fetchone() == (True,)
    both = directory / "app-and-ours"
    both.mkdir(exist_ok=True)
    for file in both.glob("*.sql"):
        file.unlink()
    for file in (*(directory / "app-migrations").glob("*.sql"), *shipped().glob("*.sql")):
        (both / file.name).write_text(file.read_text())
    assert "up to date" in supabase_migrate(directory, project, both, say=quiet)


def test_a_broken_migration_leaves_nothing(project: str, tmp_path: Path) -> None:
    """What came before it stays, of itself nothing, and the error names the file and Postgres's reason."""
    (tmp_path / "20300101000000_good.sql").write_text("create table public.good (id int);")
    (tmp_path / "20300101000001_bad.sql").write_text("create table public.half (id int); select 1/0;")
    done = run("migrate", "apply", "--folder", str(tmp_path), variables={"DATABASE_URL": project})
    assert done.code == 1
    assert "applied 20300101000000_good.sql" in done.out
    assert "20300101000001_bad.sql: division by zero" in done.err
    with psycopg.connect(project) as db:
        assert db.execute("select to_regclass('good') is null, to_regclass('half') is null").fetchone() == (False, True)
    status = run("migrate", "status", "--folder", str(tmp_path), "--json", variables={"DATABASE_URL": project})
    assert [row["status"] for row in status.json["migrations"]] == ["applied", "pending"]


def test_another_database_is_refused(postgres: Postgres) -> None:
    """Before anything is made in it."""
    dsn = postgres.create("no_supabase")
    done = run("migrate", "apply", "--dsn", dsn)
    assert done.code == 1
    assert "this is no Supabase database" in done.err
    with psycopg.connect(dsn) as db:
        assert db.execute("select to_regnamespace('supabase_migrations')").fetchone() == (None,)


def test_the_password_is_never_shown() -> None:
    """Neither of a DSN that is wrong, nor of one that leads nowhere."""
    for dsn in ("postgres:geheim@db", "postgresql://postgres:geheim@127.0.0.1:1/postgres", "postgresql://x:geheim@[/"):
        done = run("migrate", "status", variables={"DATABASE_URL": dsn})
        assert done.code == 1, dsn
        assert done.err.startswith("webhooks: ")
        assert "geheim" not in json.dumps([done.out, done.err])


def test_partitioned(project: str, tmp_path: Path) -> None:
    """With the option the migrations that partition history come after the others; without it nobody gets them."""
    variables = {"DATABASE_URL": project}
    optional = [file.name for file in sorted(shipped("optional").glob("*.sql"))]
    assert run("migrate", "apply", variables=variables).code == 0
    assert run("migrate", "status", "--partitioned", variables=variables).code == 1
    done = run("migrate", "apply", "--partitioned", "--json", variables=variables)
    assert done.json == {"applied": optional}, done.err
    assert run("migrate", "status", "--partitioned", variables=variables).code == 0
    assert run("migrate", "apply", variables=variables).code == 0
    with psycopg.connect(project) as db:
        kind = db.execute("select relkind from pg_class where oid = 'public.webhook_deliveries'::regclass").fetchone()
        assert kind == ("p",)

    for arguments, count in (((), 0), (("--partitioned",), len(optional))):
        assert run("migrations", str(tmp_path), *arguments).code == 0
        assert len({file.name for file in tmp_path.glob("*.sql")} & set(optional)) == count
