create or replace function public.webhook_histogram(
    created_from timestamptz,
    created_until timestamptz default null,
    bucket_seconds integer default 900,
    event_type text default null,
    status text default null,
    webhook_config_id uuid default null,
    request_id uuid default null,
    payload_path text default null,
    payload_value text default null,
    response_status integer default null
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read');
    return webhooks.webhook_histogram(
        webhook_histogram.created_from,
        webhook_histogram.created_until,
        webhook_histogram.bucket_seconds,
        webhook_histogram.event_type,
        webhook_histogram.status,
        webhook_histogram.webhook_config_id,
        webhook_histogram.request_id,
        webhook_histogram.payload_path,
        webhook_histogram.payload_value,
        webhook_histogram.response_status);
end $$;
comment on function public.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) is 'Deliveries by creation time and current status, with the filters of search_webhook_deliveries, in buckets that begin by the clock; each as a column. A bucket counts its newest 500 deliveries; "more" says that it has more.';
revoke all on function public.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) to authenticated, service_role;
