create or replace function public.webhook_overview()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read');
    return webhooks.webhook_overview();
end $$;
comment on function public.webhook_overview() is 'The dashboard: status with reasons, the last hour''s deliveries, circuits of active endpoints, latencies of the last hour''s attempts, and the dispatcher''s uptime over a day.';
revoke all on function public.webhook_overview() from public, anon, authenticated, service_role;
grant execute on function public.webhook_overview() to authenticated, service_role;
