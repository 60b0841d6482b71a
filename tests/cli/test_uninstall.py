"""`webhooks uninstall`: nothing of ours is left, and nothing of the app's is touched."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from devstack.platform import SOURCE, tables
from tests.cli.conftest import App, Done, run
from tests.conftest import PLATFORM

if TYPE_CHECKING:
    from psycopg import Connection

#: Every kind of object that the catalog knows, by name, with its privileges and its comment.
CATALOG = """
    select format('%s %s', i.type, i.identity), o.acl, o.more, obj_description(o.id, o.class)
    from (
        select c.oid as id, 'pg_class' as class, c.relacl::text as acl, concat(c.relrowsecurity, c.reloptions) as more
            from pg_class as c where c.relkind not in ('t', 'i', 'I')
        union all select i.indexrelid, 'pg_class', null, pg_get_indexdef(i.indexrelid) from pg_index as i
        union all select p.oid, 'pg_proc', p.proacl::text, md5(p.prosrc) from pg_proc as p
        union all select n.oid, 'pg_namespace', n.nspacl::text, null from pg_namespace as n
        union all select t.oid, 'pg_type', t.typacl::text, null from pg_type as t
        union all select t.oid, 'pg_trigger', null, pg_get_triggerdef(t.oid) from pg_trigger as t
            where not t.tgisinternal
        union all select k.oid, 'pg_constraint', null, pg_get_constraintdef(k.oid) from pg_constraint as k
        union all select y.oid, 'pg_policy', null, concat(y.polcmd, y.polroles, pg_get_expr(y.polqual, y.polrelid))
            from pg_policy as y
        union all select e.oid, 'pg_extension', null, e.extversion from pg_extension as e
        union all select e.oid, 'pg_event_trigger', null, e.evtevent from pg_event_trigger as e
        union all select p.oid, 'pg_publication', null, null from pg_publication as p
        union all select d.oid, 'pg_default_acl', d.defaclacl::text, null from pg_default_acl as d
    ) as o (id, class, acl, more)
    cross join lateral pg_identify_object(o.class::regclass, o.id, 0) as i
    where concat(i.schema, i.identity) !~ '^(pg_|information_schema)'
    union all
    select format('column %s.%s', a.attrelid::regclass, a.attname), a.attacl::text,
           concat(a.atttypid::regtype, a.attnotnull, pg_get_expr(d.adbin, d.adrelid)),
           col_description(a.attrelid, a.attnum)
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v')
    left join pg_attrdef as d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
    where a.attnum > 0 and not a.attisdropped and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
"""


def catalog(db: Connection[Any]) -> list[Any]:
    """Return every object of a database."""
    return sorted(db.execute(CATALOG).fetchall(), key=str)


@pytest.fixture
def platform(project: str) -> str:
    """The platform's database, without webhooks."""
    with psycopg.connect(project) as db:
        db.execute(tables().encode())
        for file in ("row_level_security.sql", "rows.sql"):
            db.execute((SOURCE / file).read_bytes())
    return project


@pytest.mark.parametrize("partitioned", [False, True])
def test_the_database_is_as_before(platform: str, partitioned: bool) -> None:
    """After all migrations, the platform's nine events, rows, endpoints and deliveries."""
    variables = {"DATABASE_URL": platform}
    with psycopg.connect(platform, autocommit=True) as db:
        before = catalog(db)
        options = ["--upgrade", "--platform", *(["--partitioned"] if partitioned else [])]
        done = run("migrate", "apply", *options, variables=variables)
        assert done.code == 0, done.err
        db.execute("insert into public.webhook_configurations (name, url, events) values ('a', 'https://a.b/c', '{*}')")
        db.execute("select public.install_platform_webhooks()")
        db.execute("update public.discussions set expires_at = expires_at + interval '1 day'")
        rows = db.execute("select count(*) from public.communities").fetchone()
        assert catalog(db) != before

        shown = run("uninstall", variables=variables, given="n\n")
        assert shown.code == 1
        for text in (
            "webhook_deliveries",
            "webhooks.delivery_queue",
            " on auth.users",
            "functions",
            "apply_referral_code",
        ):
            assert text in shown.out + shown.err
        assert catalog(db) != before, "nothing is removed without a yes"

        removed = run("uninstall", "--yes", "--json", variables=variables)
        assert removed.code == 0, removed.err
        assert len(removed.json["removed"]["triggers"]) == 9
        assert removed.json["removed"]["tables"]["webhook_configurations"] == 1
        after = catalog(db)
        assert [one for one in before if one not in after] == []
        assert [one for one in after if one not in before] == []
        assert db.execute("select count(*) from public.communities").fetchone() == rows
    again = run("uninstall", "--yes", variables=variables)
    assert (again.code, "Nothing of this package" in again.err) == (0, True)
    assert run("migrate", "apply", "--json", variables=variables).json == {"applied": ["system"]}


def test_people_sign_up_meanwhile(platform: str) -> None:
    """None of them fails, though each sign-up's trigger writes to our tables."""
    variables = {"DATABASE_URL": platform}
    assert run("migrate", "apply", "--platform", variables=variables).code == 0
    with psycopg.connect(platform, autocommit=True) as db:
        db.execute("insert into public.webhook_configurations (name, url, events) values ('a', 'https://a.b/c', '{*}')")
        db.execute("select public.install_platform_webhooks()")
    done = threading.Event()

    def sign_up() -> int:
        count = 0
        with psycopg.connect(platform) as db:
            while not done.is_set():
                db.execute("insert into auth.users (id, email) values (gen_random_uuid(), gen_random_uuid() || '@x.y')")
                time.sleep(0.03)
                db.commit()
                count += 1
        return count

    with ThreadPoolExecutor() as people:
        counts = [people.submit(sign_up) for _ in range(4)]
        time.sleep(0.5)
        try:
            removed = run("uninstall", "--yes", variables=variables)
            time.sleep(0.5)
        finally:
            done.set()
    assert removed.code == 0, removed.err
    assert all(count.result() > 10 for count in counts)


def test_the_first_generation_is_not_ours(project: str) -> None:
    """Before the upgrade its tables have the same names."""
    with psycopg.connect(project, autocommit=True) as db:
        db.execute(PLATFORM.read_bytes())
        before = catalog(db)
        done = run("uninstall", "--yes", variables={"DATABASE_URL": project})
        assert (done.code, "Nothing of this package" in done.err) == (0, True)
        assert catalog(db) == before


def test_the_supabase_cli_goes_on(application: App, project: str) -> None:
    """With the command that the last line shows, after the files are deleted."""
    run("migrations", str(application.migrations), "--platform")
    application.push()
    removed = run("uninstall", "--yes", variables={"DATABASE_URL": project})
    assert removed.code == 0, removed.err
    for file in application.migrations.glob("*_webhooks*.sql"):
        file.unlink()
    shown = re.search(
        r"Then tell the Supabase CLI: supabase (migration repair --status reverted \d+ \d+)$", removed.err
    )
    assert shown, removed.err
    application.supabase(*shown[1].split())
    application.own("20991231000000")
    application.push()


def test_what_the_app_built_on_it_stops_it(project: str) -> None:
    """It is named, and nothing is removed; so it is by a lock that is not to be had."""
    variables = {"DATABASE_URL": project}
    assert run("migrate", "apply", variables=variables).code == 0
    own = {
        "view": "create view public.mine as select id from public.webhook_deliveries",
        "constraint": "create table public.mine (id uuid references public.webhook_configurations (id))",
        "policy": "create table public.mine (); create policy p on public.mine using (public.is_webhook_admin())",
        "function": "create function public.mine() returns public.webhook_event_types language sql"
        " as 'select null::public.webhook_event_types'",
    }
    with psycopg.connect(project, autocommit=True) as db:
        for kind, statement in own.items():
            db.execute(statement.encode())
            before = catalog(db)
            done = run("uninstall", "--yes", variables=variables)
            assert done.code == 1, kind
            assert "mine" in done.err, kind
            assert catalog(db) == before
            what = {"view": "view public.mine", "function": "function public.mine()"}.get(kind, "table public.mine")
            db.execute(f"drop {what}".encode())
        with db.transaction():
            db.execute("lock table public.webhook_event_types in share mode")
            busy: Done = run("uninstall", "--yes", variables=variables)
        assert busy.code == 1
        assert "lock timeout" in busy.err
        assert run("migrate", "status", variables=variables).code == 0
    assert run("uninstall", "--json", variables=variables).code == 2
