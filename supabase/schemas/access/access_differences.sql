create or replace function webhooks.access_differences()
returns table (kind text, object text, is_now text, should_be text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- grants; objects in this schema that are not listed, such as partitions, must have none
    select a.kind, a.object, (a.grants || case a.columns when '[]' then '{}' else jsonb_build_object('columns', a.columns) end)::text,
           coalesce(e.grants, '{}')::text
    from webhooks.actual_access as a
    left join (
        select x.kind, x.grants, case x.kind when 'function' then to_regprocedure(x.object)::text else x.object end as object
        from webhooks.expected_access as x
    ) as e on e.kind = a.kind and e.object = a.object
    where a.grants <> coalesce(e.grants, '{}') or a.columns <> '[]'
    union all
    select 'row security', a.object, 'off', 'on' from webhooks.actual_access as a where not a.row_security
    union all
    select 'missing', e.object, 'not there', e.kind
    from webhooks.expected_access as e
    where case e.kind
        when 'function' then to_regprocedure(e.object) is null
        when 'schema' then to_regnamespace(e.object) is null
        else to_regclass(e.object) is null
    end
    union all
    select 'policy', e.table_name || ': ' || e.name, coalesce(p.cmd || ' to ' || p.roles::text || ' using ' || p.qual, 'not there'), e.statement
    from webhooks.expected_policies as e
    left join pg_policies as p on format('%s.%s', p.schemaname, p.tablename) = e.table_name and p.policyname = e.name
    where to_regclass(e.table_name) is not null
      and (p.cmd is distinct from e.command or p.roles <> e.roles or p.with_check is not null or p.permissive <> 'PERMISSIVE'
           or webhooks.bare_condition(p.qual) is distinct from webhooks.bare_condition(e.condition))
    union all
    -- a policy of the app's for a role of its own is the app's
    select 'policy', format('%s.%s: %s', p.schemaname, p.tablename, p.policyname), p.cmd || ' to ' || p.roles::text, 'not there'
    from pg_policies as p
    where (p.schemaname = 'webhooks' or exists (
            select from webhooks.expected_access as e where e.object = format('%s.%s', p.schemaname, p.tablename)))
      and p.roles && '{public,anon,authenticated,service_role}'::name[]
      and not exists (
          select from webhooks.expected_policies as e
          where e.table_name = format('%s.%s', p.schemaname, p.tablename) and e.name = p.policyname)
    order by 1, 2
$$;
comment on function webhooks.access_differences() is 'Each grant, policy and row security flag of our objects that differs from what is expected.';
revoke all on function webhooks.access_differences() from public, anon, authenticated, service_role;
