"""Supabase's advisors (splinter) and `supabase db lint` (plpgsql_check) find nothing of ours that is not by design."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from devstack.errors import StackError
from devstack.platform import tables
from devstack.stack import MIGRATIONS
from devstack.supabase_cli import supabase
from tests.conftest import OPTIONAL
from tests.hosted.bed import VERSION, push

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hosted.bed import Hosted

PLPGSQL_CHECK = Path(f"/usr/share/postgresql/{VERSION}/extension/plpgsql_check.control")

#: What the advisors report by design; docs/operations.md says why. None: of any object.
ADVISED: dict[str, set[str] | None] = {
    # of an index that no query has used yet, as all of a new database's
    "unused_index": None,
    # tables of the schema webhooks: not exposed, and no role but the owner has a privilege on them
    "rls_enabled_no_policy": None,
    # a pinned search_path would keep it from being inlined into the claim, which pins its own
    "function_search_path_mutable": {"webhooks.endpoints_with_due"},
}

#: What plpgsql_check cannot know: the view that the same call creates, and tables that only the platform has, or only a
#: project with pg_cron, which the function asks for first.
LINTED = {
    "webhooks.call_by_cron": {"42P01"},
    "public.webhook_attach": {"3F000"},
    "webhooks.is_platform_admin": {"42P01"},
    "webhooks.webhook_admins": {"42P01"},
}

#: Of the triggers' functions: a branch for deletes, in a function that truncation calls too, names the deleted rows.
OF_TRIGGERS = {("truncate_webhook_deliveries", "42P01")}

#: A literal that is returned as JSON without a cast to it.
CAST = "42804"


@pytest.fixture(scope="module", params=["system", "platform", "partitioned"])
def linted(hosted: Hosted, directory: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A stranger's project with the system alone, the platform's, and one with partitioned history."""
    files = sorted(MIGRATIONS.glob("*.sql"))
    if request.param == "system":
        files = [file for file in files if file.name.endswith("_webhooks.sql")]
    if request.param == "partitioned":
        files += sorted(OPTIONAL.glob("*.sql"))
    name = f"linted_{request.param}"
    dsn = hosted.create(name)
    push(directory / "pushed", dsn, files)
    with psycopg.connect(dsn) as db:
        if request.param != "system":
            db.execute(tables().encode())
    yield dsn
    hosted.drop(name)


def cli(dsn: str, directory: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run a command of the Supabase CLI on a database; return the JSON that it prints."""
    # in the pushed project's folder: in one without a project the CLI goes up to this repository's
    done = supabase("db", *arguments, "--db-url", f"{dsn}?sslmode=disable", cwd=directory / "pushed")
    if done.returncode:
        raise StackError(f"supabase db {arguments[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return found


def is_ours(schema: str, name: str) -> bool:
    """Return whether an object is one of this package's."""
    return schema == "webhooks" or (schema == "public" and "webhook" in name)


def advised(dsn: str, directory: Path) -> list[tuple[str, str, str]]:
    """Return the advisors' findings: what, and the object's schema and name."""
    found = cli(dsn, directory, "advisors", "--type", "all", "--level", "info", "--output", "json")
    return [(one["name"], one["metadata"].get("schema", ""), one["metadata"].get("name", "")) for one in found]


def test_advisors(directory: Path, linted: str) -> None:
    """A list without surprises: what the documentation names. And they do look."""
    found = advised(linted, directory)
    surprises = [
        (name, f"{schema}.{of}")
        for name, schema, of in found
        if is_ours(schema, of) and f"{schema}.{of}" not in (ADVISED.get(name, ()) or {f"{schema}.{of}"})
    ]
    assert surprises == []
    assert {schema for name, schema, of in found if name == "rls_enabled_no_policy" and is_ours(schema, of)} == {
        "webhooks"
    }

    with psycopg.connect(linted, autocommit=True) as db:
        db.execute("""
            create table public.webhook_bare (id integer, parent uuid references public.webhook_configurations (id));
            create view public.webhook_seen as select * from public.webhook_configurations;
            create function public.webhook_open() returns integer language sql return 1
        """)
        try:
            seen = {(name, of) for name, _, of in advised(linted, directory)}
        finally:
            db.execute("drop table public.webhook_bare; drop view public.webhook_seen; drop function webhook_open()")
    assert {
        ("no_primary_key", "webhook_bare"),
        ("unindexed_foreign_keys", "webhook_bare"),
        ("rls_disabled_in_public", "webhook_bare"),
        ("security_definer_view", "webhook_seen"),
        ("function_search_path_mutable", "webhook_open"),
    } <= seen


@pytest.fixture
def checker(hosted: Hosted, linted: str) -> str:
    """A project with plpgsql_check, which supautils lets its owner create. Skipped at home, fails in CI, without it."""
    if not PLPGSQL_CHECK.exists() and not os.environ.get("CI"):
        pytest.skip(f"plpgsql_check is not on this machine (apt install postgresql-{VERSION}-plpgsql-check)")
    with psycopg.connect(hosted.dsn(linted.rsplit("/", 1)[-1], user=hosted.superuser)) as db:
        db.execute("create extension if not exists plpgsql_check with schema extensions")
    return linted


def test_lint(directory: Path, checker: str) -> None:
    """`supabase db lint` finds no error in a function of ours."""
    found = cli(checker, directory, "lint", "--schema", "public,webhooks", "--level", "warning")
    issues = {
        (one["function"], issue["level"], issue["sqlState"])
        for one in found
        for issue in one["issues"]
        if is_ours(*one["function"].split("."))
    }
    assert {
        (function, state)
        for function, level, state in issues
        if level == "error" and state not in LINTED.get(function, ())
    } == set()
    assert {state for _, level, state in issues if level == "warning"} <= {CAST}


def test_functions_of_triggers(checker: str) -> None:
    """The CLI leaves them out. Each is checked with each table that it is on."""
    with psycopg.connect(checker, autocommit=True) as db:
        if db.execute("select to_regclass('public.communities')").fetchone() != (None,):
            db.execute("select public.install_platform_webhooks()")
        found = db.execute("""
            select g.tgname, c.sqlstate, c.message
            from pg_trigger as g
            join pg_proc as p on p.oid = g.tgfoid and p.pronamespace = 'webhooks'::regnamespace
            join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
            cross join extensions.plpgsql_check_function_tb(
                p.oid, g.tgrelid, oldtable => g.tgoldtable, newtable => g.tgnewtable) as c
            where not g.tgisinternal and c.level = 'error'
        """).fetchall()
        checked = db.execute("""
            select count(distinct tgfoid) from pg_trigger as g
            join pg_proc as p on p.oid = g.tgfoid and p.pronamespace = 'webhooks'::regnamespace
            where not g.tgisinternal
        """).fetchone()
    assert [one for one in found if one[:2] not in OF_TRIGGERS] == []
    assert checked is not None
    assert checked[0] >= 8
