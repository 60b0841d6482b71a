"""Drift: schemas and migrations make the same database, and `webhooks doctor` names what differs from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from devstack import access
from devstack.expected import FILE, STEPS
from devstack.schemas import SUPABASE, schema_files
from devstack.stack import MIGRATIONS
from devstack.supabase_lite import migrate
from supabase_webhooks.webhooks.drift import differences
from tests.conftest import PLATFORM, emptied, quiet
from tests.database.shorthands import call
from tests.database.test_migrations import ROWS
from tests.roles import made_role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from psycopg import Connection

    from devstack.postgres import Postgres

    Database = Connection[dict[str, Any]]

VERSIONS = [15, 16, 17, 18]


def inventory(dsn: str) -> dict[str, dict[str, str]]:
    """Return the fingerprints of a database's objects."""
    with psycopg.connect(dsn) as db:
        row = db.execute("select public.webhook_inventory()").fetchone()
    assert row is not None
    return dict(row[0])


def from_schemas(server: Postgres, directory: Path, *, platform: bool) -> str:
    """Make a database from the schema files, in their order."""
    name = "from_schemas"
    server.drop(name)
    dsn = server.create(name)
    nothing = emptied(directory / "schemas-nothing")
    (nothing / "20200101000000_nothing.sql").write_text("select 1;")
    migrate(directory, dsn, nothing, say=quiet)
    files = [*schema_files(), *(sorted((SUPABASE / "platform").rglob("*.sql")) if platform else [])]
    with psycopg.connect(dsn) as db:
        db.execute("set check_function_bodies = off")
        for file in files:
            db.execute(file.read_bytes())
        db.execute(access.rows(file.read_text() for file in files).encode())
    return dsn


def from_migrations(server: Postgres, directory: Path, *, platform: bool, past: str) -> str:
    """Make a database from the migrations, on nothing or on the first generation with rows in it."""
    name = "from_migrations"
    server.drop(name)
    dsn = server.create(name)
    folder = emptied(directory / "drift-migrations")
    first = PLATFORM.read_text() + ROWS if past == "first generation" else "select 1;"
    (folder / "20200101000000_before.sql").write_text(first)
    wanted = [
        end.removesuffix(".sql") for label in ("system", *(["platform"] if platform else [])) for end in STEPS[label]
    ]
    for file in MIGRATIONS.glob("*.sql"):
        if file.stem.endswith(tuple(wanted)):
            (folder / file.name).write_bytes(file.read_bytes())
    migrate(directory, dsn, folder, say=quiet)
    return dsn


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("past", "platform"), [("empty", False), ("empty", True), ("first generation", True)])
def test_schemas_and_migrations_are_equal(
    servers: Callable[[int], Postgres], directory: Path, version: int, past: str, platform: bool
) -> None:
    """Columns by name, whatever their order; and both are what the package says that it ships."""
    server = servers(version)
    migrations = inventory(from_migrations(server, directory, platform=platform, past=past))
    schemas = inventory(from_schemas(server, directory, platform=platform))
    assert schemas == migrations
    labels = {"system", "platform"} if platform else {"system"}
    assert differences(migrations, labels) == []


def test_the_expected_inventory_is_current() -> None:
    """`make migrations` writes it; a database of each version is compared with it above."""
    shipped = json.loads(FILE.read_text())
    assert set(shipped) == set(STEPS)
    assert sum(len(objects) for objects in shipped["system"].values()) > 500


#: kind -> a change of one object, its name, and how it is named.
CHANGES = {
    "function": (("create or replace function webhooks.uuid_or_null(value text) returns uuid language sql"
                 " as 'select null::uuid'"), "webhooks.uuid_or_null(text)", "differs"),
    "function, dropped": ("drop function webhooks.generate_secret()", "webhooks.generate_secret()", "missing"),
    "trigger": ("alter table public.webhook_deliveries disable trigger queue_webhook_deliveries",
                "public.webhook_deliveries.queue_webhook_deliveries", "differs"),
    "trigger, dropped": ("drop trigger complete_webhook_delivery on public.webhook_deliveries",
                         "public.webhook_deliveries.complete_webhook_delivery", "missing"),
    "policy": ('alter policy "Admins and customers can view webhook attempts" on public.webhook_attempts using (true)',
               "public.webhook_attempts.Admins and customers can view webhook attempts", "differs"),
    "policy, new": ("create policy everyone on public.webhook_attempts to anon using (true)",
                    "public.webhook_attempts.everyone", "extra"),
    "grant": ("grant select on webhooks.endpoint_secrets to authenticated", "webhooks.endpoint_secrets", "differs"),
    "grant of a function": ("grant execute on function public.list_webhook_secrets() to anon",
                            "list_webhook_secrets()", "differs"),
    "index": ("drop index webhooks.idx_delivery_queue_ready",
              "webhooks.delivery_queue.idx_delivery_queue_ready", "missing"),
    "column": ("alter table public.webhook_deliveries alter column attempts set default 7",
               "public.webhook_deliveries.attempts", "differs"),
    "constraint": ("alter table webhooks.delivery_queue drop constraint delivery_queue_lease",
                   "webhooks.delivery_queue.delivery_queue_lease", "missing"),
    "table": ("alter table public.webhook_circuits disable row level security", "public.webhook_circuits", "differs"),
    "view": ("alter view public.webhook_delivery_overview set (security_invoker = false)",
             "public.webhook_delivery_overview", "differs"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_what_was_altered_is_named(db: Database, kind: str) -> None:
    """Each kind of object, by its name; and nothing else."""
    change, name, how = CHANGES[kind]
    db.execute(change.encode())
    found = differences(call(db, "webhook_inventory"), {"system", "platform"})
    kinds = {kind.split(",", maxsplit=1)[0].split(" of ", maxsplit=1)[0]}
    named = [one for one in found if one.kind in kinds]
    assert [(one.name.removeprefix("public."), one.how) for one in named] == [(name.removeprefix("public."), how)], (
        found
    )
    assert all(one.kind in {"grant", *kinds} for one in found), "a new or dropped function has or had grants"


def test_what_an_app_may_replace_is_never_named(db: Database) -> None:
    """Who is an admin, limits, retention: not overwritten by a migration either."""
    db.execute(
        "create or replace function public.is_webhook_admin() returns boolean language sql stable as 'select true';"
        "create or replace function webhooks.dispatch_limit_per_minute() returns integer language sql as 'select 7';"
        "create or replace function webhooks.purge_deliveries(finished_before timestamptz, batch_size integer)"
        " returns integer language sql as 'select 0'"
    )
    assert differences(call(db, "webhook_inventory"), {"system", "platform"}) == []
    for file in sorted(MIGRATIONS.glob("*.sql")):
        db.execute(file.read_bytes())
    row = db.execute("select webhooks.dispatch_limit_per_minute() as n, public.is_webhook_admin() as yes").fetchone()
    assert row == {"n": 7, "yes": True}


#: Ways in which access may have come to differ, as a restore or a person makes it.
DAMAGE = [
    "grant all on all tables in schema public, webhooks to anon, authenticated",
    "grant all on all routines in schema public, webhooks to anon, authenticated",
    "grant all on all sequences in schema webhooks to anon; grant all on schema webhooks to anon",
    "grant select (url) on public.webhook_configurations to anon",
    "revoke all on all tables in schema public from service_role",
    "revoke all on all routines in schema public from service_role, authenticated",
    "alter table public.webhook_deliveries disable row level security",
    'drop policy "Admins and customers can view webhook attempts" on public.webhook_attempts',
    'alter policy "Admins and customers can view webhook attempts" on public.webhook_attempts to public',
    "create policy everyone on public.webhook_deliveries for select to anon using (true)",
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_secure_puts_it_right(db: Database, damage: str) -> None:
    """And says what it changed; where nothing differs it changes nothing."""
    before = call(db, "webhook_inventory")
    assert db.execute("select * from webhooks.secure()").fetchall() == []
    db.execute(damage.encode())
    changed = db.execute("select * from webhooks.secure()").fetchall()
    assert changed
    assert all(row["was"] != row["should_be"] for row in changed)
    assert call(db, "webhook_inventory") == before
    assert db.execute("select * from webhooks.access_differences()").fetchall() == []


def test_secure_leaves_an_apps_own_roles_alone(db: Database) -> None:
    """A role of the app's, with its grants and policy."""
    with made_role(db, "support"):
        db.execute("grant select on public.webhook_deliveries to support")
        db.execute("create policy support on public.webhook_deliveries for select to support using (true)")
        assert db.execute("select * from webhooks.secure()").fetchall() == []
        assert db.execute(
            "select has_table_privilege('support', 'public.webhook_deliveries', 'select') as yes"
        ).fetchone() == {"yes": True}
