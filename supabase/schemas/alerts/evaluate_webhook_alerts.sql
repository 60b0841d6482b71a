create or replace function webhooks.evaluate_webhook_alerts(policy jsonb, lease_seconds double precision default 60)
returns jsonb
language plpgsql
-- definer: behind public.evaluate_webhook_alerts, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- failure rate above a half, a hundred overdue by a minute, a quarter of an hour of failures, five minutes of silence
    _policy constant jsonb := '{"failure_rate": 0.5, "failure_minimum": 10, "with_rate": true, "overdue": 100,
        "overdue_seconds": 60, "failing_seconds": 900, "silence_seconds": 300, "channels": {}}' || coalesce(policy, '{}');
    _started uuid[];
    _ended uuid[];
    _notices jsonb;
begin
    -- one at a time; a concurrent call has nothing to add
    if not pg_try_advisory_xact_lock(hashtextextended('webhooks.alerts', 0)) then
        return '[]';
    end if;

    with condition as materialized (
        select k.* from webhooks.alert_conditions(_policy) as k
    ),
    ended as (
        update public.webhook_alerts as a
        set ended_at = now()
        where a.ended_at is null
          and (a.kind <> 'failure_rate' or (_policy ->> 'with_rate')::boolean)
          and not exists (select from condition as k where k.kind = a.kind and k.subject = a.subject)
        returning a.id
    ),
    started as (
        insert into public.webhook_alerts (kind, severity, subject, webhook_config_id, summary, details)
        select k.kind, k.severity, k.subject, k.webhook_config_id, k.summary, k.details
        from condition as k
        on conflict (kind, subject) where ended_at is null do nothing
        returning id
    )
    select array(select s.id from started as s), array(select e.id from ended as e) into _started, _ended;
    perform webhooks.emit_alerts(_started, 'started');
    perform webhooks.emit_alerts(_ended, 'ended');
    perform webhooks.emit_endpoint_events(_started, 'started');
    perform webhooks.emit_endpoint_events(_ended, 'ended');

    -- policy.channels: kind -> the channels to notify. The caller may have none (a gateway without settings for
    -- alerts), so the first caller that has one sends the start; an end goes where its start went.
    insert into public.webhook_alert_notices (alert_id, moment, channel)
    select a.id, 'started', c.name
    from public.webhook_alerts as a
    cross join lateral jsonb_array_elements_text(_policy -> 'channels' -> a.kind) as c (name)
    where a.ended_at is null
      and not exists (select from public.webhook_alert_notices as n where n.alert_id = a.id)
    on conflict do nothing;
    insert into public.webhook_alert_notices (alert_id, moment, channel)
    select a.id, 'ended', n.channel
    from public.webhook_alerts as a
    join public.webhook_alert_notices as n on n.alert_id = a.id and n.moment = 'started'
    where a.id = any (_ended)
    on conflict do nothing;
    delete from public.webhook_alerts as a where a.ended_at < now() - interval '90 days';

    -- notices to send now; an end waits until its start was sent or given up
    with due as (
        select n.alert_id, n.moment, n.channel
        from public.webhook_alert_notices as n
        where n.sent_at is null and n.tries < 10 and n.next_try_at <= now()
          and exists (
              select
              from jsonb_each(_policy -> 'channels') as k (kind, names)
              where k.names ? n.channel)
          and not (n.moment = 'ended' and exists (
              select from public.webhook_alert_notices as s
              where s.alert_id = n.alert_id and s.channel = n.channel and s.moment = 'started'
                and s.sent_at is null and s.tries < 10))
        order by n.created_at
        limit 20
        for update skip locked
    ),
    leased as (
        update public.webhook_alert_notices as n
        set tries = n.tries + 1, next_try_at = now() + make_interval(secs => greatest(lease_seconds, 1))
        from due as d
        where n.alert_id = d.alert_id and n.moment = d.moment and n.channel = d.channel
        returning n.alert_id, n.moment, n.channel, n.created_at
    )
    select coalesce(jsonb_agg(jsonb_build_object(
        'alert_id', a.id, 'moment', l.moment, 'channel', l.channel, 'kind', a.kind, 'severity', a.severity,
        'summary', a.summary, 'started_at', a.started_at, 'ended_at', a.ended_at) order by l.created_at, l.moment desc), '[]')
    into _notices
    from leased as l
    join public.webhook_alerts as a on a.id = l.alert_id;
    return _notices;
end $$;
comment on function webhooks.evaluate_webhook_alerts(jsonb, double precision) is 'Behind public.evaluate_webhook_alerts.';
revoke all on function webhooks.evaluate_webhook_alerts(jsonb, double precision) from public, anon, authenticated, service_role;
grant execute on function webhooks.evaluate_webhook_alerts(jsonb, double precision) to service_role;
