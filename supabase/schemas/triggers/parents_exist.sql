create or replace function webhooks.parents_exist(source regclass)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('(%sexists (select from %s as parent where %s))', (
        select string_agg(format('old.%I is null or ', ours.attname), '' order by ours.attnum)
        from pg_catalog.pg_attribute as ours
        where ours.attrelid = c.conrelid and ours.attnum = any (c.conkey) and not ours.attnotnull
    ), c.confrelid::regclass, (
        select string_agg(format('parent.%I = old.%I', theirs.attname, ours.attname), ' and ' order by k.position)
        from unnest(c.conkey, c.confkey) with ordinality as k (ours, theirs, position)
        join pg_catalog.pg_attribute as ours on ours.attrelid = c.conrelid and ours.attnum = k.ours
        join pg_catalog.pg_attribute as theirs on theirs.attrelid = c.confrelid and theirs.attnum = k.theirs
    )),
        ' and ' order by c.oid)
    from pg_catalog.pg_constraint as c
    where c.conrelid = parents_exist.source and c.contype = 'f' and c.confdeltype = 'c' and c.conparentid = 0
$$;
comment on function webhooks.parents_exist(regclass) is 'The SQL that is true for a row that was deleted itself, and false for one deleted with its parent (on delete cascade).';
revoke all on function webhooks.parents_exist(regclass) from public, anon, authenticated, service_role;
