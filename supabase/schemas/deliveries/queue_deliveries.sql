create or replace function webhooks.queue_deliveries()
returns trigger
language plpgsql
-- definer: callers that insert a delivery hold no privilege on the queue
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into webhooks.delivery_queue (delivery_id, webhook_config_id, created_at, due_at, ready)
    select n.id, n.webhook_config_id, n.created_at, n.next_attempt_at, n.next_attempt_at <= now()
    from new_rows as n
    where n.status in ('pending', 'processing')
    on conflict (delivery_id) do nothing;
    if found then
        perform webhooks.wake_workers();
    end if;
    return null;
end $$;
comment on function webhooks.queue_deliveries() is 'Queues the deliveries that a statement inserted, and wakes the workers.';
revoke all on function webhooks.queue_deliveries() from public, anon, authenticated, service_role;
