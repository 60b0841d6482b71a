create or replace function webhooks.limits_of_tenant(tenant_id text)
returns public.webhook_tenant_limits
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    _limits public.webhook_tenant_limits;
begin
    select limits_of_tenant.tenant_id,
           coalesce(o.endpoints, d.endpoints),
           coalesce(o.deliveries_per_second, d.deliveries_per_second),
           coalesce(o.schemes, d.schemes),
           coalesce(o.private_networks, d.private_networks),
           o.keep_for
    into _limits
    -- without its row of defaults, the shipped ones
    from (
        select coalesce(g.endpoints, 20) as endpoints, coalesce(g.deliveries_per_second, 100) as deliveries_per_second,
               coalesce(g.schemes, '{https}') as schemes, coalesce(g.private_networks, false) as private_networks
        from (select) as one
        left join public.webhook_tenant_limits as g on g.tenant_id = ''
    ) as d
    left join public.webhook_tenant_limits as o on o.tenant_id = limits_of_tenant.tenant_id;
    return _limits;
end $$;
comment on function webhooks.limits_of_tenant(text) is 'The limits of a tenant: its own, else the defaults.';
revoke all on function webhooks.limits_of_tenant(text) from public, anon, authenticated, service_role;
