"""`webhooks migrate` and `webhooks migrations` on a real Postgres that has what a Supabase project has."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from supabase_webhooks.webhooks.migration import migrations
from tests.cli.conftest import VERSION, App, Done, run, start
from tests.conftest import PLATFORM

if TYPE_CHECKING:
    from pathlib import Path

    from devstack.postgres import Postgres


def migrate(dsn: str, *arguments: str) -> Done:
    """Run `webhooks migrate` on a database."""
    return run("migrate", *arguments, variables={"DATABASE_URL": dsn})


def states(dsn: str, *arguments: str) -> dict[str, str]:
    """Return each migration's state."""
    return {row["name"]: row["status"] for row in migrate(dsn, "status", "--json", *arguments).json["migrations"]}


def test_apply_and_status(project: str) -> None:
    """Pending, applied in order with a line each, up to date; in our ledger, not in the Supabase CLI's."""
    assert migrate(project, "status").code == 1
    assert states(project, "--upgrade", "--platform") == dict.fromkeys(("upgrade", "system", "platform"), "pending")
    assert states(project) == {"system": "pending"}

    done = migrate(project, "apply", "--upgrade")
    assert (done.code, done.out) == (0, "applied upgrade\napplied system\n"), done.err
    assert states(project) == {"upgrade": "applied", "system": "applied"}
    assert migrate(project, "apply", "--json").json == {"applied": []}
    assert "Up to date." in migrate(project, "apply").err
    assert migrate(project, "status", "--platform").code == 1
    assert migrate(project, "apply", "--platform", "--json").json == {"applied": ["platform"]}
    assert migrate(project, "status").code == 0

    with psycopg.connect(project) as db:
        ledger = db.execute("select name, checksum from webhooks.migrations").fetchall()
        assert dict(ledger) == {one.label: one.checksum for one in migrations("upgrade", "system", "platform")}
        versions = db.execute("select version from supabase_migrations.schema_migrations").fetchall()
        assert versions == [(VERSION,)]


def test_twice_at_the_same_time(project: str) -> None:
    """Each migration is applied by one of the two; neither fails."""
    both = [start("migrate", "apply", "--platform", "--json", variables={"DATABASE_URL": project}) for _ in range(2)]
    done = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], done
    applied = [name for out, _ in done for name in json.loads(out)["applied"]]
    assert sorted(applied) == ["platform", "system"]


def test_a_broken_migration_leaves_nothing(project: str) -> None:
    """What came before it stays, of itself nothing; the error names the file and Postgres's reason."""
    with psycopg.connect(project) as db:
        db.execute("create view public.webhook_alerts as select 1 as is_in_the_way")
    done = migrate(project, "apply", "--upgrade")
    assert done.code == 1
    assert done.out == "applied upgrade\n"
    assert "_webhooks.sql: " in done.err
    assert "webhook_alerts" in done.err
    with psycopg.connect(project) as db:
        assert db.execute("select to_regclass('public.webhook_configurations')").fetchone() == (None,)
        db.execute("drop view public.webhook_alerts")
    assert migrate(project, "apply", "--json").json == {"applied": ["system"]}


def test_the_first_generation_asks_for_the_upgrade(project: str) -> None:
    """Nothing is applied without it, and the line says what to add."""
    with psycopg.connect(project) as db:
        db.execute(PLATFORM.read_bytes())
    done = migrate(project, "apply")
    assert (done.code, done.out) == (1, "")
    assert "add --upgrade" in done.err
    project_line, complaint = done.err.splitlines()
    assert project_line.startswith("Project database ")
    assert complaint.startswith("webhooks: ")
    assert set(states(project, "--upgrade").values()) == {"pending"}


@pytest.mark.parametrize("safe", [False, True])
def test_admins_who_count_no_longer_are_named(project: str, safe: bool) -> None:
    """Production's users can change their own role: the upgrade warns, with the command that makes an admin."""
    with psycopg.connect(project) as db:
        db.execute(PLATFORM.read_bytes())
        db.execute((PLATFORM.parent / "row_level_security.sql").read_bytes())
        if safe:
            db.execute("revoke insert, update on public.users from authenticated")
    done = migrate(project, "apply", "--upgrade")
    assert done.code == 0, done.err
    warned = "warning: public.users.role makes no one an admin here" in done.err
    assert (warned, "webhooks admins add EMAIL" in done.err) == (not safe, not safe), done.err


@pytest.mark.parametrize("harm", ["drop table webhooks.migrations", "truncate webhooks.migrations"])
def test_a_missing_ledger_is_derived(project: str, harm: str) -> None:
    """From what the database has, by `status`; `apply` writes it down, and applies nothing again."""
    assert migrate(project, "apply", "--platform").code == 0
    with psycopg.connect(project) as db:
        db.execute(harm.encode())
    assert states(project) == {"system": "applied", "platform": "applied"}
    assert migrate(project, "apply", "--platform", "--json").json == {"applied": []}
    with psycopg.connect(project) as db:
        ledger = dict(db.execute("select name, checksum from webhooks.migrations").fetchall())
        assert ledger == dict.fromkeys(("system", "platform"), "unknown")
        # as the migration makes it
        guarded = db.execute("select relrowsecurity from pg_class where oid = 'webhooks.migrations'::regclass")
        assert guarded.fetchone() == (True,)


def test_mark_applied(project: str) -> None:
    """The ledger says so and nothing else happens; an unknown name is rejected with the known ones."""
    assert migrate(project, "apply", "--mark-applied", "system", "--mark-applied", "platform", "--json").json == {
        "marked": ["system", "platform"]
    }
    assert states(project) == {"system": "applied", "platform": "applied"}
    with psycopg.connect(project) as db:
        assert db.execute("select to_regclass('webhooks.delivery_queue')").fetchone() == (None,)
    wrong = migrate(project, "apply", "--mark-applied", "all")
    assert wrong.code == 2
    assert "unknown migration all; the migrations are upgrade, system, platform, partitions" in wrong.err


def test_another_version_of_the_package(project: str) -> None:
    """What it applied is named and left; with --update it is applied again."""
    assert migrate(project, "apply").code == 0
    with psycopg.connect(project) as db:
        db.execute("update webhooks.migrations set checksum = 'other', package_version = '0.0.9'")
        db.execute("drop function public.webhook_version()")
    assert states(project) == {"system": "changed"}
    kept = migrate(project, "apply")
    assert (kept.code, kept.out) == (0, "")
    assert "system was applied by version 0.0.9" in kept.err
    assert "--update applies it again" in kept.err
    assert migrate(project, "apply", "--update", "--json").json == {"applied": ["system"]}
    assert states(project) == {"system": "applied"}
    with psycopg.connect(project) as db:
        assert db.execute("select to_regprocedure('public.webhook_version()') is not null").fetchone() == (True,)


def test_the_supabase_cli_pushes_copies(application: App, project: str) -> None:
    """After newer migrations of the app's own, without --include-all; the app's next ones come after them."""
    application.own("20991231235957")
    application.push()
    done = run("migrations", str(application.migrations), "--upgrade")
    assert [line.split()[0] for line in done.out.splitlines()] == ["copied", "copied"]
    application.push()
    assert states(project) == {"upgrade": "applied", "system": "applied"}
    assert migrate(project, "apply", "--json").json == {"applied": []}

    again = run("migrations", str(application.migrations), "--upgrade", "--platform", "--json").json
    assert [(one["name"], one["result"]) for one in again] == [
        ("upgrade", "kept"), ("system", "kept"), ("platform", "copied"),
    ]  # fmt: skip
    application.push()
    application.own("21000101000003")
    application.push()
    assert states(project)["platform"] == "applied"


def test_the_supabase_cli_goes_on_after_apply(application: App, project: str) -> None:
    """It ignores what `webhooks migrate apply` did."""
    assert migrate(project, "apply", "--platform").code == 0
    application.own("20300101000000")
    application.push()


def test_what_is_pushed_already_is_kept(tmp_path: Path) -> None:
    """A copy of another version of this package stays; the command says which, and what to do in both cases."""
    old = tmp_path / "20210101000000_webhooks.sql"
    old.write_text(f"-- webhooks migration: system {'a' * 64}\nselect 1;")
    done = run("migrations", str(tmp_path))
    assert (done.code, done.out) == (0, f"differs {old}\n")
    assert "20210101000000_webhooks.sql is system from another version" in done.err
    assert "--update" in done.err
    assert run("migrations", str(tmp_path / "missing")).code == 2


def test_another_database_is_refused(postgres: Postgres) -> None:
    """Before anything is made in it."""
    dsn = postgres.create("no_supabase")
    done = run("migrate", "apply", "--dsn", dsn)
    assert done.code == 1
    assert "this is not a Supabase database" in done.err
    with psycopg.connect(dsn) as db:
        assert db.execute("select to_regnamespace('webhooks')").fetchone() == (None,)


def test_the_password_is_never_shown() -> None:
    """Neither of a DSN that is wrong, nor of one that leads nowhere."""
    for dsn in ("postgres:geheim@db", "postgresql://postgres:geheim@127.0.0.1:1/postgres", "postgresql://x:geheim@[/"):
        done = run("migrate", "status", variables={"DATABASE_URL": dsn})
        assert done.code == 1, dsn
        assert re.match(r"(Project database postgres@127\.0\.0\.1\n)?webhooks: ", done.err)
        assert "geheim" not in json.dumps([done.out, done.err])


def test_partitioned(project: str) -> None:
    """With the option the migrations that partition history come after the others; without it they are left out."""
    assert migrate(project, "apply").code == 0
    assert migrate(project, "status", "--partitioned").code == 1
    done = migrate(project, "apply", "--partitioned", "--json")
    assert done.json == {"applied": ["partitions_foresee", "partitions_read", "partitions_swap"]}, done.err
    assert migrate(project, "status", "--partitioned").code == 0
    assert migrate(project, "apply").code == 0
    with psycopg.connect(project) as db:
        kind = db.execute("select relkind from pg_class where oid = 'public.webhook_deliveries'::regclass").fetchone()
        assert kind == ("p",)
        # with another version of the package, or without a ledger
        db.execute("update webhooks.migrations set checksum = 'other'")
        db.commit()
        again = migrate(project, "apply", "--partitioned", "--update")
        assert (again.code, again.out.count("applied")) == (0, 4), again.err
        db.execute("truncate webhooks.migrations")
        db.commit()
        assert migrate(project, "apply", "--partitioned", "--json").json == {"applied": []}


def test_the_upgrade_is_harmless_at_any_time(project: str) -> None:
    """On an empty project, and after the system."""
    assert migrate(project, "apply").code == 0
    assert migrate(project, "apply", "--upgrade", "--json").json == {"applied": ["upgrade"]}
    assert set(states(project).values()) == {"applied"}
