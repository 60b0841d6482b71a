create or replace function webhooks.queue_again(delivery_id uuid, webhook_config_id uuid, created_at timestamptz, due_at timestamptz)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into webhooks.delivery_queue as q (delivery_id, webhook_config_id, created_at, due_at, ready)
    values (queue_again.delivery_id, queue_again.webhook_config_id, queue_again.created_at, queue_again.due_at,
            queue_again.due_at <= now())
    on conflict on constraint delivery_queue_pkey do update
    set due_at = excluded.due_at, ready = excluded.ready, lease_id = null, leased_at = null;
    perform webhooks.wake_workers();
end $$;
comment on function webhooks.queue_again(uuid, uuid, timestamptz, timestamptz) is 'Queues a delivery for another attempt, and wakes the workers.';
revoke all on function webhooks.queue_again(uuid, uuid, timestamptz, timestamptz) from public, anon, authenticated, service_role;
