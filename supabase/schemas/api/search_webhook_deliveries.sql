create or replace function public.search_webhook_deliveries(
    event_type text default null,
    status text default null,
    webhook_config_id uuid default null,
    created_from timestamptz default null,
    created_until timestamptz default null,
    request_id uuid default null,
    payload_path text default null,
    payload_value text default null,
    before_created_at timestamptz default null,
    before_id uuid default null,
    page_size integer default 50,
    response_status integer default null,
    tenant_id text default null
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read', search_webhook_deliveries.tenant_id);
    return webhooks.search_webhook_deliveries(
        search_webhook_deliveries.event_type,
        search_webhook_deliveries.status,
        search_webhook_deliveries.webhook_config_id,
        search_webhook_deliveries.created_from,
        search_webhook_deliveries.created_until,
        search_webhook_deliveries.request_id,
        search_webhook_deliveries.payload_path,
        search_webhook_deliveries.payload_value,
        search_webhook_deliveries.before_created_at,
        search_webhook_deliveries.before_id,
        search_webhook_deliveries.page_size,
        search_webhook_deliveries.response_status,
        search_webhook_deliveries.tenant_id);
end $$;
comment on function public.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) is 'Deliveries, newest first, by any filter; tenant_id: those to the tenant''s endpoints; payload_path is dotted (data.community_id). "next" holds the arguments of the next page; "searched_until" is set if a page ended because the maximum number of rows was searched.';
revoke all on function public.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) from public, anon, authenticated, service_role;
grant execute on function public.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) to authenticated, service_role;
