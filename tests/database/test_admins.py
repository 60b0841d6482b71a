"""Who is a webhook admin: what Supabase Auth says now, and public.users.role only where no user can change it."""

from __future__ import annotations

import itertools
import json
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from psycopg import Connection

    Database = Connection[dict[str, Any]]

RULES = "select problem, cure from webhooks.admin_problems()"


def make_user(db: Database, **app_metadata: Any) -> dict[str, str]:
    """Create an account with a sign-in; return its ids as a token names them."""
    user, session = str(uuid.uuid4()), str(uuid.uuid4())
    db.execute(
        "insert into auth.users (id, email, raw_app_meta_data) values (%s, %s, %s::jsonb)",
        (user, f"{user}@example.com", json.dumps(app_metadata)),
    )
    db.execute("insert into auth.sessions (id, user_id) values (%s, %s)", (session, user))
    return {"sub": user, "session_id": session}


def act_as(db: Database, token: dict[str, Any]) -> None:
    """Go on as PostgREST does for a request with a token."""
    claims = json.dumps({"role": "authenticated", **token})
    db.execute("select set_config('request.jwt.claim.sub', %s, false)", (token.get("sub", ""),))
    db.execute("select set_config('request.jwt.claims', %s, false)", (claims,))
    db.execute("set role authenticated")


def is_admin(db: Database, token: dict[str, Any]) -> bool:
    """Return whether functions and tables let a token in, which must agree."""
    act_as(db, token)
    try:
        try:
            with db.transaction():
                db.execute("select public.webhook_admin_check()")
            by_function = True
        except psycopg.errors.InsufficientPrivilege:
            by_function = False
        by_policy = db.execute("select from public.webhook_configurations").rowcount == 1
    finally:
        db.execute("reset role")
    assert by_function == by_policy
    return by_function


@pytest.fixture(autouse=True)
def _row_to_see(db: Database) -> None:
    db.execute(
        "insert into public.webhook_configurations (name, url, events) values ('r', 'https://example.com', '{*}')"
    )


@pytest.mark.parametrize(
    ("app_metadata", "expected"),
    [
        ({"webhooks_role": "admin"}, True),
        ({"role": "admin"}, True),
        ({"role": "user", "webhooks_role": "admin", "provider": "email"}, True),
        ({"webhooks_role": "viewer"}, False),
        ({"webhooks_role": "Admin"}, False),
        ({"webhooks_role": ["admin"]}, False),
        ({"webhooks_role": {"admin": True}, "role": None}, False),
        ({"roles": "admin"}, False),
        ({}, False),
    ],
)
def test_what_app_metadata_says(db: Database, app_metadata: dict[str, Any], expected: bool) -> None:
    """The row of Supabase Auth decides; what else the token says does not."""
    token = make_user(db, **app_metadata)
    assert is_admin(db, token) is expected
    # a token from before the user was demoted, and one with what the user wrote itself
    lies = {"app_metadata": {"webhooks_role": "admin", "role": "admin"}, "user_metadata": {"webhooks_role": "admin"}}
    assert is_admin(db, {**token, **lies}) is expected


#: How a sign-in ends: statements, with the user's and the session's id.
ENDS = {
    "signed out": "delete from auth.sessions where id = %(session_id)s",
    "the session has a limit": "update auth.sessions set not_after = now() - interval '1 s' where id = %(session_id)s",
    "banned": "update auth.users set banned_until = now() + interval '1 day' where id = %(sub)s",
    "deleted for now": "update auth.users set deleted_at = now() where id = %(sub)s",
    "deleted": "delete from auth.users where id = %(sub)s",
    "demoted": "update auth.users set raw_app_meta_data = '{}' where id = %(sub)s",
    "without any metadata": "update auth.users set raw_app_meta_data = null where id = %(sub)s",
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("replaced", [False, True])
def test_a_token_that_counts_no_longer(db: Database, how: str, replaced: bool) -> None:
    """At once, whatever the token says; where the app's own function decides, for all but its own demotion."""
    token = make_user(db, webhooks_role="admin") | {"app_metadata": {"webhooks_role": "admin", "role": "admin"}}
    if replaced:
        db.execute(
            "create or replace function public.is_webhook_admin() returns boolean language sql stable as 'select true'"
        )
    assert is_admin(db, token) is True
    db.execute(ENDS[how].encode(), token)
    assert is_admin(db, token) is (replaced and how in {"demoted", "without any metadata"})


def test_tokens_without_their_own_session(db: Database) -> None:
    """Of a user of Supabase Auth: none, another user's, and an invalid id; a ban that is over does not count."""
    token, other = make_user(db, webhooks_role="admin"), make_user(db)
    assert is_admin(db, {"sub": token["sub"]}) is False
    for session in (other["session_id"], str(uuid.uuid4()), "", "x", 7, None):
        assert is_admin(db, {**token, "session_id": session}) is False, session
    claim = {"app_metadata": {"webhooks_role": "admin"}}
    assert is_admin(db, {"sub": str(uuid.uuid4()), "session_id": token["session_id"], **claim}) is False
    db.execute("update auth.users set banned_until = now() - interval '1 s' where id = %(sub)s", token)
    assert is_admin(db, token) is True


def test_another_providers_token(db: Database) -> None:
    """Supabase Auth knows neither the user nor the session: the claim is all there is."""
    for sub in ("user_2abc", str(uuid.uuid4())):
        assert is_admin(db, {"sub": sub, "app_metadata": {"webhooks_role": "admin"}}) is True
        assert is_admin(db, {"sub": sub, "user_metadata": {"webhooks_role": "admin"}}) is False


USERS = """
    create table public.users (id uuid primary key, role text not null default 'user', name text);
    insert into public.users (id, role, name) values (gen_random_uuid(), 'admin', 'Ada');
    revoke all on public.users from public, anon, authenticated;
"""
GRANTS = {
    "nothing": "",
    "everything": "grant all on public.users to anon, authenticated",
    "everything to everyone": "grant all on public.users to public",
    "all columns but these": "grant select, insert (name), update (name) on public.users to authenticated",
    "an own profile": "grant select, insert (id, name), update (name) on public.users to authenticated",
    "the role": "grant select, update (role) on public.users to authenticated",
    "the id": "grant select, update (id) on public.users to authenticated",
    "a new row": "grant select, insert on public.users to authenticated",
    "the role of a new row": "grant select, insert (role) on public.users to authenticated",
    "the role of a new row of theirs": "grant select, insert (role) on public.users to authenticated;"
    " alter table public.users alter id set default auth.uid()",
    "by a view": "create view public.profiles as select id, role from public.users;"
    " grant all on public.profiles to authenticated",
    "by a view of a view": "create view public.people as select id, role as kind from public.users;"
    " create view public.profiles as select id, kind from public.people; grant all on public.profiles to authenticated",
    "by a view of names": "create view public.profiles as select name from public.users;"
    " grant all on public.profiles to authenticated",
    "by a child": "create table public.staff () inherits (public.users); grant all on public.staff to authenticated",
}
SECURITY = {
    "off": "",
    "on": "alter table public.users enable row level security",
    "their own row": "alter table public.users enable row level security;"
    " create policy own on public.users for all to authenticated"
    "   using (id::text = current_setting('request.jwt.claim.sub'))",
    "reading": "alter table public.users enable row level security;"
    " create policy reading on public.users for select using (true)",
    "any row, by PUBLIC": "alter table public.users enable row level security;"
    " create policy p on public.users using (true)",
    "another role's": "alter table public.users enable row level security;"
    " create policy p on public.users to service_role using (true)",
}

#: Every way that a user has of making themselves admin, where it can.
ATTACKS = [
    "update public.users set role = 'admin'",
    "insert into public.users (id, role) values (%(sub)s, 'admin')",
    "insert into public.users (role) values ('admin')",
    "delete from public.users where id = %(sub)s; update public.users set id = %(sub)s where role = 'admin'",
    "update public.users set id = %(sub)s where role = 'admin'",
    "update public.profiles set role = 'admin'",
    "update public.profiles set kind = 'admin'",
    "insert into public.profiles (id, role) values (%(sub)s, 'admin')",
    "insert into public.profiles (id, kind) values (%(sub)s, 'admin')",
    "update public.profiles set id = %(sub)s where role = 'admin'",
    "insert into public.staff (id, role) values (%(sub)s, 'admin')",
]


def test_no_user_makes_themselves_admin(db: Database) -> None:
    """Each way to grant and protect the table, each attack, for real: where one succeeds, the column does not count."""
    token = make_user(db)
    named = "select bool_or(role = 'admin') as yes from public.users where id = %(sub)s"
    taken, kept = set(), set()
    for (grants, grant), (security, policy) in itertools.product(GRANTS.items(), SECURITY.items()):
        case = (grants, security)
        with db.transaction(force_rollback=True):
            db.execute(USERS.encode())
            db.execute(grant.encode())
            db.execute(policy.encode())
            possible = [one for one in ATTACKS if "profiles" in grant or "profiles" not in one]
            for attack, has_row in itertools.product(possible, (True, False)):
                with db.transaction(force_rollback=True):
                    if has_row:
                        db.execute("insert into public.users (id) values (%(sub)s)", token)
                    act_as(db, token)
                    for statement in attack.split("; "):
                        with suppress(psycopg.Error), db.transaction():
                            db.execute(statement.encode(), token)
                    db.execute("reset role")
                    if (db.execute(named, token).fetchone() or {})["yes"]:
                        taken.add(case)
                        assert is_admin(db, token) is False, (case, attack)
            db.execute("insert into public.users (id, role) values (%(sub)s, 'admin')", token)
            problems = db.execute(RULES).fetchall()
            # it counts, or the doctor says why not
            assert is_admin(db, token) is (not problems), case
            if problems:
                assert "webhooks admins add EMAIL" in problems[0]["cure"]
            else:
                kept.add(case)
    assert not taken & kept
    # and what is safe does count: no rule that rejects everything passes
    assert {(grants, security) for grants in ("nothing", "all columns but these") for security in SECURITY} <= kept
    assert {(grants, "on") for grants in ("everything", "the role", "a new row", "an own profile")} <= kept
    assert ("by a view of names", "off") in kept
    assert len(taken) > len(GRANTS)


def test_a_users_table_of_another_form(db: Database) -> None:
    """Without a role or an id it says nothing of admins; a view does not count."""
    token = make_user(db)
    for table, problem in (
        ("create table public.users (id uuid)", False),
        ("create table public.users (role text); grant all on public.users to authenticated", False),
        (f"create view public.users as select '{token['sub']}'::uuid as id, 'admin' as role", True),
    ):
        with db.transaction(force_rollback=True):
            db.execute(table.encode())
            assert is_admin(db, token) is False
            assert bool(db.execute(RULES).fetchall()) is problem, table


MEMBERS = """
    create table public.members (user_id uuid primary key, is_staff boolean not null default false, bio text);
    alter table public.members enable row level security;
    create policy own on public.members for all to authenticated
        using (user_id::text = current_setting('request.jwt.claim.sub', true));
    revoke all on public.members from public, anon, authenticated;
    grant select, insert (user_id, bio), update (bio) on public.members to authenticated;
"""
STAFF = "exists (select from public.members as m where m.user_id = webhooks.user_id() and m.is_staff)"
CLAIM = "current_setting('request.jwt.claims', true)::jsonb"

#: An app's own rule -> what is wrong with it, or None.
REPLACED = {
    STAFF: None,
    f"webhooks.has_admin_role() or {STAFF}": None,
    f"{CLAIM} -> 'app_metadata' ->> 'staff' = 'yes'": None,
    f"{CLAIM} -> 'app_metadata' ->> 'staff' = 'yes' -- not user_metadata": None,
    "exists (select from auth.users as u where u.id = webhooks.user_id() and u.raw_app_meta_data ? 'staff')": None,
    "false": None,
    "1 / 0 = 1": None,
    "true": "a made-up user",
    f"{CLAIM} ->> 'sub' is not null": "a made-up user",
    f"{CLAIM} -> 'user_metadata' ->> 'is_admin' = 'true'": "user_metadata",
    f"{CLAIM} #>> '{{user_metadata,staff}}' = 'yes'": "user_metadata",
    "exists (select from auth.users as u where u.id = webhooks.user_id() and u.raw_user_meta_data ? 'staff')":
        "user_metadata",
    "exists (select from public.members as m where m.user_id = webhooks.user_id() and m.bio = 'staff')":
        "authenticated can update",
    "exists (select from public.members as m where m.user_id = webhooks.user_id())": "authenticated can insert",
    "public.staff()": "authenticated can update",
    "exists (select from open where open.id = 1)": "can",
}  # fmt: skip


@pytest.mark.parametrize("rule", REPLACED)
def test_a_replaced_rule(db: Database, rule: str) -> None:
    """What an app writes is looked at: what users write themselves must not decide."""
    db.execute(MEMBERS.encode())
    db.execute(
        "create table public.open (id integer); grant all on public.open to anon;"
        "create function public.staff() returns boolean language sql stable as"
        " $$ select exists (select from public.members where user_id = webhooks.user_id() and bio = 'staff') $$"
    )
    db.execute(
        "create or replace function public.is_webhook_admin() returns boolean language sql stable"
        f" set search_path = public, pg_temp as $$ select {rule}\n $$".encode()
    )
    found = db.execute(RULES).fetchall()
    expected = REPLACED[rule]
    assert bool(found) is bool(expected), found
    if expected:
        assert expected in found[0]["problem"], found
        assert "webhooks admins add EMAIL" in found[0]["cure"]


def test_a_replaced_rule_with_the_users_table(db: Database) -> None:
    """public.users.role is looked at where it is asked, and only there."""
    db.execute(USERS.encode())
    db.execute("grant all on public.users to authenticated")
    replace = "create or replace function public.is_webhook_admin() returns boolean language sql stable as 'select {}'"
    for rule, problem in (
        ("webhooks.has_admin_role() or false", True),
        ("webhooks.is_platform_admin()", True),
        ("webhooks.app_metadata() ->> ''webhooks_role'' = ''admin''", False),
    ):
        db.execute(replace.format(rule).encode())
        assert bool(db.execute(RULES).fetchall()) is problem, rule


def test_auth_that_cannot_be_read(db: Database) -> None:
    """No session to look at: no admin by Supabase Auth, and the doctor says why."""
    token = make_user(db, webhooks_role="admin")
    with db.transaction(force_rollback=True):
        try:
            db.execute("alter table auth.sessions rename to gone")
        except psycopg.errors.InsufficientPrivilege:
            pytest.skip("postgres does not own it on hosted projects, and always may read it")
        assert is_admin(db, token) is False
        assert "cannot read auth.users and auth.sessions" in db.execute(RULES).fetchall()[0]["problem"]


def test_who_is_named(db: Database) -> None:
    """Servers see each admin, by what, and whether it counts; or the account with an address, in any case."""
    db.execute(USERS.encode())
    ours, apps = make_user(db, webhooks_role="admin"), make_user(db, role="admin")
    platforms, nobody = make_user(db), make_user(db)
    for user in (platforms, ours):
        db.execute("insert into public.users (id, role) values (%(sub)s, 'admin')", user)

    def admins(email: str | None = None) -> dict[str, tuple[list[str], bool]]:
        db.execute("set role service_role")
        row = db.execute("select public.webhook_admins(%s) as found", (email,)).fetchone()
        db.execute("reset role")
        assert row is not None
        return {one["user_id"]: (one["named_by"], one["counts"]) for one in row["found"]}

    expected = {
        ours["sub"]: (["app_metadata.webhooks_role", "public.users.role"], True),
        apps["sub"]: (["app_metadata.role"], True),
        platforms["sub"]: (["public.users.role"], True),
    }
    assert admins() == expected
    db.execute("grant update on public.users to authenticated")
    assert admins() == expected | {platforms["sub"]: (["public.users.role"], False)}
    assert admins(f" {nobody['sub'].upper()}@EXAMPLE.com ") == {nobody["sub"]: ([], False)}
    assert admins("no@example.com") == {}
    act_as(db, ours)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select public.webhook_admins()")
