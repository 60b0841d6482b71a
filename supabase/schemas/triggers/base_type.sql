create or replace function webhooks.base_type(type oid)
returns oid
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with recursive domain as (
        select t.oid, t.typtype, t.typbasetype from pg_type as t where t.oid = base_type.type
        union all
        select t.oid, t.typtype, t.typbasetype from domain as d join pg_type as t on d.typtype = 'd' and t.oid = d.typbasetype
    )
    select d.oid from domain as d where d.typtype <> 'd'
$$;
comment on function webhooks.base_type(oid) is 'The type that a domain is made of, else the type itself.';
revoke all on function webhooks.base_type(oid) from public, anon, authenticated, service_role;
