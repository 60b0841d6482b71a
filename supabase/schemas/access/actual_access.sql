create or replace view webhooks.actual_access as
with object as (
    select 'schema' as kind, n.nspname::text as object, coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl, null::oid as relation
    from pg_namespace as n
    where n.nspname = 'webhooks'
    union all
    select case c.relkind when 'S' then 'sequence' else 'table' end, format('%s.%s', n.nspname, c.relname),
           coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)), c.oid
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'S')
      and (n.nspname = 'webhooks' or exists (
          select from webhooks.expected_access as e where e.object = format('%s.%s', n.nspname, c.relname)))
    union all
    select 'function', p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner)), null
    from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'webhooks'
       or p.oid = any (array(select to_regprocedure(e.object)::oid from webhooks.expected_access as e where e.kind = 'function'))
)
select o.kind, o.object, coalesce((
           select jsonb_object_agg(g.grantee, g.privileges)
           from (
               select case a.grantee when 0 then 'public' else a.grantee::regrole::text end as grantee,
                      jsonb_agg(distinct a.privilege_type) as privileges
               from aclexplode(o.acl) as a
               where a.grantee = 0 or a.grantee::regrole::text in ('anon', 'authenticated', 'service_role')
               group by a.grantee
           ) as g), '{}') as grants,
       -- of columns: none of ours has any
       coalesce((
           select jsonb_agg(distinct format('%s of column %s to %s', x.privilege_type, a.attname,
                                            case x.grantee when 0 then 'public' else x.grantee::regrole::text end))
           from pg_attribute as a
           cross join lateral aclexplode(a.attacl) as x
           where a.attrelid = o.relation and a.attacl is not null
             and (x.grantee = 0 or x.grantee::regrole::text in ('anon', 'authenticated', 'service_role'))), '[]') as columns,
       (select c.relrowsecurity from pg_class as c where c.oid = o.relation and c.relkind in ('r', 'p')) as row_security
from object as o;
comment on view webhooks.actual_access is 'The privileges on our objects as they are.';
revoke all on webhooks.actual_access from public, anon, authenticated, service_role;
