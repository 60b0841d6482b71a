create or replace function public.webhook_health()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_health();
end $$;
comment on function public.webhook_health() is 'The last hour''s deliveries by status, the backlog, endpoints, and the cron''s last run.';
revoke all on function public.webhook_health() from public, anon, authenticated, service_role;
grant execute on function public.webhook_health() to service_role;
