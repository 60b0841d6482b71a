create or replace function public.webhook_tenants(permission text)
returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select null::text where false
$$;
comment on function public.webhook_tenants(text) is 'The tenants for which the calling user has a permission: read, manage or dispatch. It returns none until you replace it: docs/customers.md has examples.';
revoke all on function public.webhook_tenants(text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_tenants(text) to authenticated, service_role;
