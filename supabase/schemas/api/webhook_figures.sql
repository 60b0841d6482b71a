create or replace function public.webhook_figures(
    webhook_config_id uuid default null,
    unit text default 'hour',
    count integer default 24
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read');
    return webhooks.webhook_figures(webhook_figures.webhook_config_id, webhook_figures.unit, webhook_figures.count);
end $$;
comment on function public.webhook_figures(uuid, text, integer) is 'Attempts by hour or day (UTC), of one endpoint or all: delivered, failed, estimated latencies, and the sums of each event type. Of all, the five busiest endpoints; of one, the responses to its newest thousand deliveries.';
revoke all on function public.webhook_figures(uuid, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.webhook_figures(uuid, text, integer) to authenticated, service_role;
