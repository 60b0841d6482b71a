"""What a database contains of this package, to show it before removal, and to remove it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from supabase_webhooks.webhooks.migration import find, shipped

#: Maximum number of rows counted per table: counting tens of millions would take minutes.
COUNTED = 1_000_000

#: How long a removal waits for a lock: less than Postgres's deadlock_timeout of a second, which might end the
#: other transaction, such as a sign-in.
LOCK_TIMEOUT = "500ms"

#: Ours are the schema webhooks and, in public, the objects that our migrations create by name.
_PUBLIC = re.compile(r"create (table if not exists|or replace view|or replace function) public\.(\w+)")

_OURS = """
with relation as (
    select c.oid, c.relkind from pg_catalog.pg_class as c
    where c.relnamespace = to_regnamespace('webhooks')
       or (c.relnamespace = 'public'::regnamespace and c.relname = any(%(relations)s)
           -- without it they are the first generation's, or the app's
           and to_regnamespace('webhooks') is not null)
),
function as (
    select p.oid from pg_catalog.pg_proc as p
    where p.pronamespace = to_regnamespace('webhooks')
       or (p.pronamespace = 'public'::regnamespace and p.proname = any(%(functions)s)
           and to_regnamespace('webhooks') is not null)
),
-- what is not dropped by itself but goes with what it belongs to
ours (classid, objid) as (
    select 'pg_catalog.pg_class'::regclass, r.oid from relation as r
    union all select 'pg_catalog.pg_class'::regclass, i.indexrelid from pg_catalog.pg_index as i
        where i.indrelid in (select r.oid from relation as r)
    union all select 'pg_catalog.pg_proc'::regclass, f.oid from function as f
    union all select 'pg_catalog.pg_namespace'::regclass, n.oid from pg_catalog.pg_namespace as n
        where n.nspname = 'webhooks'
    union all select 'pg_catalog.pg_type'::regclass, t.oid from pg_catalog.pg_type as t
        where t.typnamespace = to_regnamespace('webhooks') or t.typrelid in (select r.oid from relation as r)
    union all select 'pg_catalog.pg_trigger'::regclass, t.oid from pg_catalog.pg_trigger as t
        where t.tgrelid in (select r.oid from relation as r) or t.tgfoid in (select f.oid from function as f)
    union all select 'pg_catalog.pg_constraint'::regclass, k.oid from pg_catalog.pg_constraint as k
        where k.conrelid in (select r.oid from relation as r)
    union all select 'pg_catalog.pg_policy'::regclass, y.oid from pg_catalog.pg_policy as y
        where y.polrelid in (select r.oid from relation as r)
    union all select 'pg_catalog.pg_rewrite'::regclass, w.oid from pg_catalog.pg_rewrite as w
        where w.ev_class in (select r.oid from relation as r)
    union all select 'pg_catalog.pg_attrdef'::regclass, d.oid from pg_catalog.pg_attrdef as d
        where d.adrelid in (select r.oid from relation as r)
)
"""

_TABLES = "select r.oid::regclass::text from relation as r where r.relkind = 'r' order by 1"

_PUBLIC_RELATIONS = """
select format('drop %%s if exists public.%%I cascade', case c.relkind when 'v' then 'view' else 'table' end, c.relname)
from relation as r join pg_catalog.pg_class as c on c.oid = r.oid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
"""

_FUNCTIONS = "select f.oid::regprocedure::text from function as f order by 1"

_TRIGGERS = """
select format('%%I on %%s', t.tgname, t.tgrelid::regclass) from pg_catalog.pg_trigger as t
where t.tgfoid in (select f.oid from function as f) and t.tgrelid not in (select r.oid from relation as r) order by 1
"""

#: Dropping them drops the triggers on the app's tables.
_TRIGGER_FUNCTIONS = """
select distinct t.tgfoid::regprocedure::text from pg_catalog.pg_trigger as t
where t.tgfoid in (select f.oid from function as f) and t.tgrelid not in (select r.oid from relation as r)
"""

#: The app's objects that depend on ours: a view, a foreign key, a policy.
_DEPENDENT = """
select distinct pg_describe_object(d.classid, d.objid, d.objsubid) from pg_catalog.pg_depend as d
join ours as o on (o.classid, o.objid) = (d.refclassid, d.refobjid)
where d.deptype = 'n' and not exists (select from ours as u where (u.classid, u.objid) = (d.classid, d.objid))
order by 1
"""

#: The app's functions whose source mentions ours: Postgres does not track what they call.
_CALLERS = """
select p.oid::regprocedure::text from pg_catalog.pg_proc as p
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and p.oid not in (select f.oid from function as f)
  and p.prosrc ~ ('\\m(' || array_to_string(%(functions)s || %(relations)s, '|') || ')\\M|\\mwebhooks\\.') order by 1
"""


#: The Supabase CLI's versions of ours: each migration ends by writing its row into our ledger.
_PUSHED = """
select m.version from supabase_migrations.schema_migrations as m
where to_jsonb(m) ->> 'statements' like '%%insert into webhooks.migrations%%' order by 1
"""

_MAY_READ_PUSHED = """
select count(*) > 0 from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'supabase_migrations' and c.relname = 'schema_migrations'
  and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
"""


@dataclass(frozen=True)
class Inventory:
    """Ours: tables with their row counts (at most COUNTED + 1), triggers on the app's tables, functions.

    The app's: `dependents` would be dropped too, so nothing is while there are any; `callers` would fail. `pushed`: the
    versions under which the Supabase CLI has our migrations.
    """

    tables: dict[str, int]
    triggers: list[str]
    functions: list[str]
    dependents: list[str]
    callers: list[str]
    pushed: list[str]


def take(connection: Any) -> Inventory:  # noqa: ANN401 - psycopg's, which is of an extra
    """Return what a database contains of ours, and the app's objects that depend on it."""
    # Postgres's own spelling of a table's name goes into it
    count = f"select count(*) from (select from {{}} limit {COUNTED + 1}) as counted"  # noqa: S608
    return Inventory(
        tables={table: connection.execute(count.format(table)).fetchone()[0] for table in _names(connection, _TABLES)},
        triggers=_names(connection, _TRIGGERS),
        functions=_names(connection, _FUNCTIONS),
        dependents=_names(connection, _DEPENDENT),
        callers=_names(connection, _CALLERS),
        pushed=_names(connection, _PUSHED) if connection.execute(_MAY_READ_PUSHED).fetchone()[0] else [],
    )


def remove(connection: Any) -> None:  # noqa: ANN401 - as above
    """Drop everything of ours in the caller's transaction, and whatever depends on it: see `take`."""
    connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    # of each object that goes with another
    connection.execute("set local client_min_messages = warning")
    # the app's tables are locked first: a transaction that has changed one uses ours next, in its trigger
    first, then = (
        [f"drop function if exists {function} cascade" for function in _names(connection, query)]
        for query in (_TRIGGER_FUNCTIONS, _FUNCTIONS)
    )
    relations = _names(connection, _PUBLIC_RELATIONS)
    for statement in (*first, *relations, *then, "drop schema if exists webhooks cascade"):
        connection.execute(statement)


def _names(connection: Any, query: str) -> list[str]:  # noqa: ANN401 - as above
    return [name for (name,) in connection.execute(_OURS + query, _public()).fetchall()]


def _public() -> dict[str, list[str]]:
    """Return the names of our relations and functions in public."""
    found = {pair for one in find(shipped()) for pair in _PUBLIC.findall(one.sql)}
    return {
        "relations": sorted(name for kind, name in found if not kind.endswith("function")),
        "functions": sorted(name for kind, name in found if kind.endswith("function")),
    }
