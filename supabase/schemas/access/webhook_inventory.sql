create or replace function webhooks.webhook_inventory()
returns jsonb
language sql
stable
-- definer: behind public.webhook_inventory, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    with relation as (
        select c.oid, c.relkind, c.relrowsecurity, c.reloptions, format('%s.%s', n.nspname, c.relname) as name
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'S') and not c.relispartition
          and (n.nspname = 'webhooks' or exists (
              select from webhooks.expected_access as e where e.object = format('%s.%s', n.nspname, c.relname)))
    ),
    part (kind, name, definition) as (
        select 'table', r.name, 'row security ' || r.relrowsecurity from relation as r where r.relkind in ('r', 'p')
        union all
        select 'view', r.name, coalesce(r.reloptions::text, '') from relation as r where r.relkind = 'v'
        union all
        select 'column', r.name || '.' || a.attname,
               concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                         pg_get_expr(d.adbin, d.adrelid))
        from relation as r
        join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef as d on d.adrelid = r.oid and d.adnum = a.attnum
        where r.relkind <> 'S'
        union all
        -- existing rows may be exempt
        select 'constraint', r.name || '.' || k.conname, replace(pg_get_constraintdef(k.oid), ' NOT VALID', '')
        from relation as r
        join pg_constraint as k on k.conrelid = r.oid and k.contype in ('p', 'u', 'f', 'c')
        union all
        select 'index', r.name || '.' || c.relname, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
        from relation as r
        join pg_index as i on i.indrelid = r.oid
        join pg_class as c on c.oid = i.indexrelid
        union all
        select 'trigger', r.name || '.' || t.tgname, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
        from relation as r
        join pg_trigger as t on t.tgrelid = r.oid and not t.tgisinternal
        union all
        select 'function', p.oid::regprocedure::text,
               concat_ws(' ', p.provolatile::text, p.prosecdef, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                         p.proconfig::text, md5(p.prosrc))
        from pg_proc as p
        join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname = 'webhooks'
           or p.oid = any (array(select to_regprocedure(e.object)::oid from webhooks.expected_access as e where e.kind = 'function'))
        union all
        select 'policy', format('%s.%s.%s', p.schemaname, p.tablename, p.policyname),
               concat_ws(' ', p.permissive, p.cmd, p.roles::text, webhooks.bare_condition(p.qual), p.with_check)
        from pg_policies as p
        join relation as r on r.name = format('%s.%s', p.schemaname, p.tablename)
        union all
        select 'grant', a.object, concat_ws(' ', a.grants, nullif(a.columns, '[]'))
        from webhooks.actual_access as a
        where a.kind <> 'table' or exists (select from relation as r where r.name = a.object)
    )
    select jsonb_object_agg(k.kind, k.objects)
    from (
        select p.kind, jsonb_object_agg(p.name, left(md5(p.definition), 12)) as objects from part as p group by p.kind
    ) as k
$$;
comment on function webhooks.webhook_inventory() is 'Behind public.webhook_inventory.';
revoke all on function webhooks.webhook_inventory() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_inventory() to service_role;
