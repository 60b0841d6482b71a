create or replace function public.webhook_metrics()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_metrics();
end $$;
comment on function public.webhook_metrics() is 'For the gateway''s /metrics: the backlog, unfinished deliveries, circuits, endpoints and the last heartbeat.';
revoke all on function public.webhook_metrics() from public, anon, authenticated, service_role;
grant execute on function public.webhook_metrics() to service_role;
