create or replace function public.record_webhook_alert_notices(
    results jsonb
)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    perform webhooks.record_webhook_alert_notices(record_webhook_alert_notices.results);
end $$;
comment on function public.record_webhook_alert_notices(jsonb) is 'Records which notices were sent; one with an error is retried.';
revoke all on function public.record_webhook_alert_notices(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_alert_notices(jsonb) to service_role;
