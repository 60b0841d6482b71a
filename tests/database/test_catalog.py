"""What the catalog of the database says of our objects: what advisors look for, and what safety rests on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

    Database = Connection[dict[str, Any]]

#: What the service role may do with tables, for callers and for Studio: read all, and write these. The rest is written
#: by functions. In the schema webhooks it may do nothing.
WRITABLE = {
    "webhook_attempts": "insert, update, delete",
    "webhook_configurations": "insert, update, delete",
    "webhook_deliveries": "insert, update, delete",
    "webhook_dispatcher_runs": "insert, update, delete",
    "webhook_event_types": "insert, update, delete",
    "webhook_tenant_limits": "insert, update, delete",
    "webhook_trigger_errors": "delete",
}

#: Definer functions granted to a role of requests that no public function of the same name checks the caller for, and
#: why that is safe.
UNCHECKED = {
    "app_metadata": "says of the user of the JWT alone what Supabase Auth has of them",
    "emit": "public.dispatch_webhook calls it for servers only; granted to service_role",
    "emit_as_user": "public.dispatch_webhook calls it; it acts for the user of the JWT and takes no other",
    "is_platform_admin": "says of the user of the JWT alone whether the app calls them an admin",
    "is_delivery_of": "says whether a delivery is of these endpoints, and nothing of it; policies call it",
    "sample_sql": "public.webhook_sample_events calls it, after its own check; it reads the catalog, and no row",
    "second_factor_given": "says of the user of the JWT alone whether they gave their second factor",
    "tenant_endpoints": "gives the ids of the endpoints of these tenants, and nothing of them; policies call it",
}

CHECKED = re.compile(r"\bbegin\s+perform webhooks\.check_(server\(\);|admin\(\);|access\('(read|manage)'[,)])")

#: Indexes of the same columns, order, expressions and condition.
DUPLICATE_INDEXES = """
    select array_agg(i.indexrelid::regclass::text) as names
    from pg_index as i
    join pg_class as c on c.oid = i.indexrelid
    where i.indrelid = any (array(select t.oid from ours as t))
    group by i.indrelid, i.indkey::text, i.indclass::text, i.indoption::text, c.relam,
        coalesce(pg_get_expr(i.indexprs, i.indrelid), ''), coalesce(pg_get_expr(i.indpred, i.indrelid), '')
    having count(*) > 1
"""

UNINDEXED_KEYS = """
    select k.conrelid::regclass::text as name, k.conname
    from pg_constraint as k
    join ours as t on t.oid = k.conrelid
    where k.contype = 'f' and not exists (
        select from pg_index as i
        where i.indrelid = k.conrelid and i.indisvalid
            and (string_to_array(i.indkey::text, ' ')::smallint[])[:cardinality(k.conkey)] = k.conkey)
"""

#: The app's own tables are the app's. Extensions have none here.
OURS = """
    with ours as (
        select c.oid, c.relname, n.nspname, c.relkind, c.relrowsecurity
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and (n.nspname = 'webhooks' or n.nspname = 'public' and c.relname like 'webhook%')
    )
"""


def tables(db: Database, statement: str) -> list[dict[str, Any]]:
    """Return the rows of a statement over our tables."""
    return db.execute((OURS + statement).encode()).fetchall()


def functions(db: Database) -> list[dict[str, Any]]:
    """Return our functions."""
    return db.execute("""
        select n.nspname as schema, p.proname as name, p.prosecdef as definer, p.prosrc as body,
               pg_get_function_identity_arguments(p.oid) as arguments, p.prorettype = 'trigger'::regtype as trigger,
               has_function_privilege('authenticated', p.oid, 'execute')
                   or has_function_privilege('service_role', p.oid, 'execute') as granted
        from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname = 'webhooks'
            or n.nspname = 'public' and (p.proname like '%webhook%' or p.proname = 'close_expired_discussions')
    """).fetchall()


def test_definer_functions_are_not_exposed(db: Database) -> None:
    """They lie in the schema webhooks, behind an invoker of the same name in public that checks its caller first."""
    found = functions(db)
    public = {(one["name"], one["arguments"]): one for one in found if one["schema"] == "public"}
    definers = [one for one in found if one["definer"] and not one["trigger"]]
    assert len(definers) > 30
    assert {one["schema"] for one in definers} == {"webhooks"}
    bare = {
        one["name"]
        for one in definers
        if one["granted"] and not CHECKED.search(public.get((one["name"], one["arguments"]), {"body": ""})["body"])
    }
    assert bare == UNCHECKED.keys()


def test_tables_are_guarded(db: Database) -> None:
    """Each has row level security and a primary key; only tables of the schema webhooks have no policy."""
    found = tables(
        db,
        """
        select t.nspname as schema, t.relname as name, t.relrowsecurity as guarded,
               exists (select from pg_policy as p where p.polrelid = t.oid) as policy,
               -- a partitioned table's may be on its partitions only
               t.relkind = 'p' or exists (
                   select from pg_index as i where i.indrelid = t.oid and i.indisprimary) as key
        from ours as t
        """,
    )
    assert len(found) > 20
    assert [one["name"] for one in found if not one["guarded"]] == []
    assert [one["name"] for one in found if not one["key"]] == []
    assert {one["schema"] for one in found if not one["policy"]} == {"webhooks"}


def test_policies(db: Database) -> None:
    """Each names its roles, calls functions once a statement, and is the only one for its role and operation."""
    policies = tables(
        db,
        """
        select t.relname as table, p.polname as name, p.polcmd, array(
                   select r.rolname::text from pg_roles as r where r.oid = any (p.polroles)) as roles,
               concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) as condition
        from pg_policy as p join ours as t on t.oid = p.polrelid
        """,
    )
    assert len(policies) > 10
    for policy in policies:
        assert policy["roles"] == ["authenticated"], policy
        outside, found = policy["condition"], 1
        while found:
            # from the inside: a function may take what another one selects
            outside, found = re.subn(r"(ARRAY)?\( SELECT [\w.]+\([^()]*\) AS \w+\)", "", outside)
        if policy["table"] != "webhook_attempts":
            # of a delivery, which queries name, there are few
            assert not re.search(r"(?<!ANY )\w\(", outside), policy
    pairs = [(policy["table"], policy["polcmd"], tuple(policy["roles"])) for policy in policies]
    assert len(pairs) == len(set(pairs))


def test_views_show_what_the_caller_may_see(db: Database) -> None:
    """Those that are exposed run with the caller's rights."""
    views = db.execute("""
        select relname as name, reloptions as options from pg_class
        where relkind in ('v', 'm') and relnamespace = 'public'::regnamespace and relname like 'webhook%'
    """).fetchall()
    assert [one["name"] for one in views if "security_invoker=true" not in (one["options"] or [])] == []


def test_what_the_service_role_may_do(db: Database) -> None:
    """Nothing beyond select, insert, update and delete, and those where they are promised."""
    grants = tables(
        db,
        """
        select t.nspname as schema, t.relname as name, lower(string_agg(a.privilege_type, ', ')) as privileges
        from ours as t
        join pg_class as c on c.oid = t.oid
        cross join aclexplode(c.relacl) as a
        where a.grantee = 'service_role'::regrole
        group by 1, 2
        """,
    )
    assert {one["schema"] for one in grants} == {"public"}
    for one in grants:
        wanted = {"select", *WRITABLE.get(one["name"], "select").split(", ")}
        assert set(one["privileges"].split(", ")) == wanted, one["name"]


def test_indexes(db: Database) -> None:
    """Each foreign key has one, so that a deleted row is not looked for in the whole table; none is there twice."""
    assert tables(db, UNINDEXED_KEYS) == []
    assert tables(db, DUPLICATE_INDEXES) == []
