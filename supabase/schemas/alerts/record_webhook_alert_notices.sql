create or replace function webhooks.record_webhook_alert_notices(results jsonb)
returns void
language sql
-- definer: behind public.record_webhook_alert_notices, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    update public.webhook_alert_notices as n
    set sent_at = case when r.error is null then now() end,
        error = left(r.error, 1000),
        -- 2^n seconds after try n, at most ten minutes
        next_try_at = now() + make_interval(secs => least(600, power(2, n.tries)))
    from jsonb_to_recordset(results) as r (alert_id uuid, moment text, channel text, error text)
    where n.alert_id = r.alert_id and n.moment = r.moment and n.channel = r.channel and n.sent_at is null
$$;
comment on function webhooks.record_webhook_alert_notices(jsonb) is 'Behind public.record_webhook_alert_notices.';
revoke all on function webhooks.record_webhook_alert_notices(jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.record_webhook_alert_notices(jsonb) to service_role;
