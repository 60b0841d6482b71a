create or replace function webhooks.tenant_endpoints(tenants text[])
returns setof uuid
language plpgsql
stable
-- definer: for a user with the permission manage alone, the policies show no endpoint
security definer
set search_path = pg_catalog, pg_temp
rows 10
as $$
begin
    return query
    select c.id
    from public.webhook_configurations as c
    where c.tenant_id = any (tenant_endpoints.tenants);
end $$;
comment on function webhooks.tenant_endpoints(text[]) is 'The endpoints of tenants, deleted ones too.';
revoke all on function webhooks.tenant_endpoints(text[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.tenant_endpoints(text[]) to authenticated, service_role;
