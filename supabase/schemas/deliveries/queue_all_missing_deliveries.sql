create or replace function webhooks.queue_all_missing_deliveries()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    while webhooks.queue_missing_deliveries(100000, '0') > 0 loop
    end loop;
end $$;
comment on function webhooks.queue_all_missing_deliveries() is 'Queues all pending deliveries that were inserted before the queue existed, or loaded without triggers.';
revoke all on function webhooks.queue_all_missing_deliveries() from public, anon, authenticated, service_role;
