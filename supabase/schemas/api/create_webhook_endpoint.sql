create or replace function public.create_webhook_endpoint(
    settings jsonb
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', create_webhook_endpoint.settings ->> 'tenant_id');
    return webhooks.create_webhook_endpoint(create_webhook_endpoint.settings);
end $$;
comment on function public.create_webhook_endpoint(jsonb) is 'Creates an endpoint of {"name", "url", "events", ...}, with "tenant_id" for that tenant, and returns its id and its secret, which is shown only once.';
revoke all on function public.create_webhook_endpoint(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.create_webhook_endpoint(jsonb) to authenticated, service_role;
