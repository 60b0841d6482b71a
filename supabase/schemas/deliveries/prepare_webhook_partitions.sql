create or replace function webhooks.prepare_webhook_partitions()
returns integer
language sql
set search_path = pg_catalog, pg_temp
as $$
    select 0
$$;
comment on function webhooks.prepare_webhook_partitions() is 'Behind public.prepare_webhook_partitions.';
revoke all on function webhooks.prepare_webhook_partitions() from public, anon, authenticated, service_role;
grant execute on function webhooks.prepare_webhook_partitions() to service_role;
