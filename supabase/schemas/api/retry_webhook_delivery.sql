create or replace function public.retry_webhook_delivery(
    delivery_id uuid
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', delivery_id => retry_webhook_delivery.delivery_id);
    return webhooks.retry_webhook_delivery(retry_webhook_delivery.delivery_id);
end $$;
comment on function public.retry_webhook_delivery(uuid) is 'Makes a delivery due now: a failed one gets one more attempt, a delivered one is sent again, a waiting one is attempted immediately.';
revoke all on function public.retry_webhook_delivery(uuid) from public, anon, authenticated, service_role;
grant execute on function public.retry_webhook_delivery(uuid) to authenticated, service_role;
