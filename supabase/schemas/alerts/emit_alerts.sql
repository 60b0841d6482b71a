create or replace function webhooks.emit_alerts(alert_ids uuid[], moment text)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id)
    select c.id, 'webhook.alert', jsonb_build_object(
               'event', 'webhook.alert',
               'timestamp', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'actor_user_id', null,
               'data', jsonb_build_object(
                   'alert_id', a.id, 'status', moment, 'kind', a.kind, 'severity', a.severity, 'summary', a.summary,
                   'webhook_config_id', a.webhook_config_id, 'details', a.details,
                   'started_at', a.started_at, 'ended_at', a.ended_at),
               'request_id', a.request_id),
           a.request_id
    from (select w.*, gen_random_uuid() as request_id from public.webhook_alerts as w where w.id = any (alert_ids)) as a
    join public.webhook_configurations as c
        -- subscribed by name: a subscription to * covers the app's own events only
        on c.is_active and c.tenant_id is null and c.events && array['webhook.alert', 'webhook.*']
        -- the failing endpoint itself is not notified
        and c.id is distinct from a.webhook_config_id
    order by c.id
    -- waits for an endpoint's deletion, and then leaves that one out
    for key share of c
$$;
comment on function webhooks.emit_alerts(uuid[], text) is 'Sends webhook.alert to the endpoints that subscribe to it.';
revoke all on function webhooks.emit_alerts(uuid[], text) from public, anon, authenticated, service_role;
