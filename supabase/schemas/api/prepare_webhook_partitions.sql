create or replace function public.prepare_webhook_partitions()
returns integer
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.prepare_webhook_partitions();
end $$;
comment on function public.prepare_webhook_partitions() is 'Creates the partitions of the coming days, if history is partitioned; returns how many. Called by the workers.';
revoke all on function public.prepare_webhook_partitions() from public, anon, authenticated, service_role;
grant execute on function public.prepare_webhook_partitions() to service_role;
