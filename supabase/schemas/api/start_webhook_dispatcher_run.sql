create or replace function public.start_webhook_dispatcher_run(
    source text
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.start_webhook_dispatcher_run(start_webhook_dispatcher_run.source);
end $$;
comment on function public.start_webhook_dispatcher_run(text) is 'Records the cron''s heartbeat and returns {"run_id", "due"}.';
revoke all on function public.start_webhook_dispatcher_run(text) from public, anon, authenticated, service_role;
grant execute on function public.start_webhook_dispatcher_run(text) to service_role;
