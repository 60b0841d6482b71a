create or replace function webhooks.record_for_webhook_listener(listener uuid, results jsonb)
returns json
language plpgsql
-- definer: behind public.record_for_webhook_listener, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.renew_listener(record_for_webhook_listener.listener);
    return webhooks.record_webhook_attempts((
        select coalesce(jsonb_agg(jsonb_build_object(
            'delivery_id', r.delivery_id, 'lease_id', r.lease_id, 'attempt', r.attempt, 'started_at', r.started_at,
            'duration_ms', r.duration_ms, 'delivered', r.delivered, 'response_status', r.response_status,
            'response_excerpt', left(r.response_excerpt, 1000), 'error', left(r.error, 1000),
            -- not retried: the person who watches sends it again
            'permanent', not r.delivered)), '[]')
        -- nothing else is taken from a result: without "health" it says nothing that opens a circuit or starts an alert
        from jsonb_to_recordset(results) as r (
            delivery_id uuid, lease_id uuid, attempt integer, started_at timestamptz, duration_ms integer,
            delivered boolean, response_status integer, response_excerpt text, error text)
        -- of this listener's deliveries only, and only what it has claimed
        join webhooks.delivery_queue as q
            on q.delivery_id = r.delivery_id and q.lease_id = r.lease_id
            and q.webhook_config_id = record_for_webhook_listener.listener));
end $$;
comment on function webhooks.record_for_webhook_listener(uuid, jsonb) is 'Behind public.record_for_webhook_listener.';
revoke all on function webhooks.record_for_webhook_listener(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.record_for_webhook_listener(uuid, jsonb) to authenticated, service_role;
