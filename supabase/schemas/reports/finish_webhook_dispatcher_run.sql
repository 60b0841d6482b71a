create or replace function webhooks.finish_webhook_dispatcher_run(run_id uuid, enqueued integer, error text default null)
returns void
language sql
-- definer: behind public.finish_webhook_dispatcher_run, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    update public.webhook_dispatcher_runs as r
    set enqueued = finish_webhook_dispatcher_run.enqueued,
        error = finish_webhook_dispatcher_run.error,
        finished_at = now()
    where r.id = finish_webhook_dispatcher_run.run_id
$$;
comment on function webhooks.finish_webhook_dispatcher_run(uuid, integer, text) is 'Behind public.finish_webhook_dispatcher_run.';
revoke all on function webhooks.finish_webhook_dispatcher_run(uuid, integer, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.finish_webhook_dispatcher_run(uuid, integer, text) to service_role;
