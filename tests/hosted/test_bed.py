"""The test bed is like hosted Supabase in what our SQL meets there: roles, memberships, owners, default privileges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.hosted.bed import Hosted

#: role: superuser, createrole, createdb, login, inherit, replication, bypassrls, timeout of a statement.
#: Source: supabase/postgres, nix/tests/expected/roles.out. The two minutes are the server's default there.
ROLES = {
    "anon": (False, False, False, False, True, False, False, "3s"),
    "authenticated": (False, False, False, False, True, False, False, "8s"),
    "authenticator": (False, False, False, True, False, False, False, "8s"),
    "postgres": (False, True, True, True, True, True, True, "2min"),
    "service_role": (False, False, False, False, True, False, True, None),
    "supabase_admin": (True, True, True, True, True, True, True, None),
    "supabase_auth_admin": (False, True, False, True, False, False, False, None),
    "supabase_storage_admin": (False, True, False, True, False, False, False, None),
}

#: Source: as above, less supabase_auth_admin and supabase_storage_admin (migration 20250421084701).
MEMBERS = {
    "authenticator": {"anon", "authenticated", "service_role"},
    "postgres": {"anon", "authenticated", "service_role", "pg_monitor", "pg_read_all_data", "pg_signal_backend"},
    "supabase_storage_admin": {"authenticator"},
}

OWNERS = {
    "auth": "supabase_admin",
    "auth.users": "supabase_auth_admin",
    "auth.sessions": "supabase_auth_admin",
    "auth.uid()": "supabase_auth_admin",
    "auth.jwt()": "supabase_auth_admin",
    "storage.objects": "supabase_storage_admin",
}


def test_roles(project: str) -> None:
    """The project's owner is everything but a superuser."""
    with psycopg.connect(project) as db:
        rows = db.execute("""
            select rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolinherit, rolreplication, rolbypassrls,
                   (select substr(s, 19) from unnest(rolconfig) as s where s like 'statement_timeout=%')
            from pg_roles
        """).fetchall()
        members = db.execute("select member::regrole::text, roleid::regrole::text from pg_auth_members").fetchall()
    found = {role: tuple(attributes) for role, *attributes in rows}
    assert {role: found[role] for role in ROLES} == ROLES
    assert {(member, role) for member, role in members if not member.startswith("pg_")} == {
        (member, role) for member, roles in MEMBERS.items() for role in roles
    }


def test_owners(project: str) -> None:
    """Schema auth is not the project's, whose owner may make triggers on its tables and drop nothing."""
    with psycopg.connect(project, autocommit=True) as db:
        owners = dict(
            db.execute("""
                select nspname::text, nspowner::regrole::text from pg_namespace
                union all select oid::regclass::text, relowner::regrole::text from pg_class
                union all select oid::regprocedure::text, proowner::regrole::text from pg_proc
            """).fetchall()
        )
        assert {name: owners[name] for name in OWNERS} == OWNERS
        assert db.execute("select has_table_privilege('auth.users', 'trigger')").fetchone() == (True,)
        for sql in ("drop table auth.users", "create table auth.mine ()", "alter function auth.uid() stable"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(sql.encode())


@pytest.mark.parametrize("creator", ["postgres", "supabase_admin"])
def test_what_is_created_in_public_is_everybodys(hosted: Hosted, project: str, creator: str) -> None:
    """The default privileges of a project from before 30 May 2026, for both roles that create there."""
    dsn = hosted.dsn(project.rsplit("/", 1)[-1], user=creator)
    with psycopg.connect(dsn) as db:
        db.execute("""
            create table public.t (); create sequence public.s;
            create function public.f() returns int language sql return 1
        """)
        for role in ("anon", "authenticated", "service_role", "postgres"):
            assert db.execute(
                """
                select has_table_privilege(%(role)s, 'public.t', 'select, insert, update, delete, truncate, trigger'),
                       has_sequence_privilege(%(role)s, 'public.s', 'usage, select, update'),
                       has_function_privilege(%(role)s, 'public.f()', 'execute')
                """,
                {"role": role},
            ).fetchone() == (True, True, True)


def test_a_project_that_exposes_nothing(hosted: Hosted, project: str) -> None:
    """Since 30 May 2026: no role can use what postgres creates until it is granted, apart from what PUBLIC may call."""
    hosted.run("unexposed.sql", database=project.rsplit("/", 1)[-1])
    with psycopg.connect(project) as db:
        db.execute("create table public.t (); create sequence public.s")
        for role in ("anon", "authenticated", "service_role"):
            assert db.execute(
                "select has_table_privilege(%(role)s, 'public.t', 'select, insert, update, delete'),"
                " has_sequence_privilege(%(role)s, 'public.s', 'usage, select')",
                {"role": role},
            ).fetchone() == (False, False)


def test_changes_are_announced_to_the_rest_api(project: str) -> None:
    """Each change of the schema and each drop notifies the channel that PostgREST listens on."""
    with psycopg.connect(project, autocommit=True) as listener, psycopg.connect(project, autocommit=True) as db:
        listener.execute("listen pgrst")
        for sql in ("create table public.t ()", "drop table public.t"):
            db.execute(sql.encode())
            assert [n.payload for n in listener.notifies(timeout=5, stop_after=1)] == ["reload schema"]


def test_a_request_falls_back_to_the_timeout_of_authenticator(hosted: Hosted, project: str) -> None:
    """PostgREST logs in as authenticator: 8 s apply to service_role, which has no setting of its own."""
    with psycopg.connect(hosted.dsn(project.rsplit("/", 1)[-1], user="authenticator")) as db:
        db.execute("set local role service_role")
        assert db.execute("show statement_timeout").fetchone() == ("8s",)


def test_supautils_locks_what_people_sign_in_with(hosted: Hosted, project: str) -> None:
    """A policy on any table takes AccessExclusive on every table of auth and storage, until the transaction ends."""
    hosted.run("supautils.sql", database=project.rsplit("/", 1)[-1])
    with psycopg.connect(project) as db:
        db.execute("create table public.t ()")
        db.execute("create policy p on public.t for select to authenticated using (true)")
        locked = db.execute("""
            select relation::regclass::text from pg_locks
            where pid = pg_backend_pid() and mode = 'AccessExclusiveLock' and locktype = 'relation'
        """).fetchall()
    assert {"auth.users", "auth.sessions", "auth.refresh_tokens", "storage.objects"} <= {table for (table,) in locked}
