create or replace function public.list_webhook_endpoints(
    webhook_config_id uuid default null,
    after_name text default null,
    after_id uuid default null,
    page_size integer default 200,
    tenant_id text default null,
    search text default null
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read', list_webhook_endpoints.tenant_id, list_webhook_endpoints.webhook_config_id);
    return webhooks.list_webhook_endpoints(
        list_webhook_endpoints.webhook_config_id,
        list_webhook_endpoints.after_name,
        list_webhook_endpoints.after_id,
        list_webhook_endpoints.page_size,
        list_webhook_endpoints.tenant_id,
        list_webhook_endpoints.search);
end $$;
comment on function public.list_webhook_endpoints(uuid, text, uuid, integer, text, text) is 'Endpoints with their health, by name: all, one, a tenant''s, those after a name and id, or those whose name or URL contains a text. Without secrets and the values of headers.';
revoke all on function public.list_webhook_endpoints(uuid, text, uuid, integer, text, text) from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_endpoints(uuid, text, uuid, integer, text, text) to authenticated, service_role;
