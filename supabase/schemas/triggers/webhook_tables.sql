create or replace function webhooks.webhook_tables()
returns jsonb
language sql
stable
-- definer: behind public.webhook_tables, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'table', format('%s.%s', quote_ident(n.nspname), quote_ident(c.relname)), 'columns', k.columns)
        order by n.nspname <> 'public', n.nspname, c.relname), '[]')
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    cross join lateral (
        select jsonb_agg(jsonb_build_object(
            'name', a.attname, 'type', format_type(a.atttypid, null), 'base', webhooks.base_type(a.atttypid)::regtype::text,
            'nullable', not a.attnotnull) order by a.attnum) as columns
        from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as k
    where c.relkind in ('r', 'p') and not c.relispartition
      and (n.nspname = 'public' or n.nspname = 'auth' and c.relname = 'users')
      and not webhooks.is_ours(c.oid::regclass)
$$;
comment on function webhooks.webhook_tables() is 'Behind public.webhook_tables.';
revoke all on function webhooks.webhook_tables() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_tables() to authenticated, service_role;
