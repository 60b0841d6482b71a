create or replace function public.finish_webhook_dispatcher_run(
    run_id uuid,
    enqueued integer,
    error text default null
)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    perform webhooks.finish_webhook_dispatcher_run(
        finish_webhook_dispatcher_run.run_id,
        finish_webhook_dispatcher_run.enqueued,
        finish_webhook_dispatcher_run.error);
end $$;
comment on function public.finish_webhook_dispatcher_run(uuid, integer, text) is 'Records how a dispatcher run ended.';
revoke all on function public.finish_webhook_dispatcher_run(uuid, integer, text) from public, anon, authenticated, service_role;
grant execute on function public.finish_webhook_dispatcher_run(uuid, integer, text) to service_role;
