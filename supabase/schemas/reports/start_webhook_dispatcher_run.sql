create or replace function webhooks.start_webhook_dispatcher_run(source text)
returns jsonb
language sql
-- definer: behind public.start_webhook_dispatcher_run, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into public.webhook_dispatcher_runs (source, due)
    values (left(source, 200), (webhooks.webhook_backlog() ->> 'due')::integer)
    returning jsonb_build_object('run_id', id, 'due', due)
$$;
comment on function webhooks.start_webhook_dispatcher_run(text) is 'Behind public.start_webhook_dispatcher_run.';
revoke all on function webhooks.start_webhook_dispatcher_run(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.start_webhook_dispatcher_run(text) to service_role;
