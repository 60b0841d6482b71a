create or replace function public.retry_webhook_deliveries(
    delivery_ids uuid[] default null,
    webhook_config_id uuid default null,
    at_most integer default 1000
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.retry_webhook_deliveries(
        retry_webhook_deliveries.delivery_ids, retry_webhook_deliveries.webhook_config_id, retry_webhook_deliveries.at_most);
end $$;
comment on function public.retry_webhook_deliveries(uuid[], uuid, integer) is 'Makes selected deliveries due now, or those that wait for their next attempt at an endpoint: {"retried", "more"}. Deliveries of inactive endpoints are not changed.';
revoke all on function public.retry_webhook_deliveries(uuid[], uuid, integer) from public, anon, authenticated, service_role;
grant execute on function public.retry_webhook_deliveries(uuid[], uuid, integer) to authenticated, service_role;
