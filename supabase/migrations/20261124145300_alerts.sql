-- Alerts: what people must hear of, kept from its start to its end. Each is told once when it starts and once when it
-- ends: to Slack and by e-mail through the workers (or the gateway), and to endpoints as the event webhook.alert.

create table if not exists public.webhook_alerts (
    id uuid primary key default gen_random_uuid(),
    kind text not null check (kind in ('failure_rate', 'overdue', 'circuit_open', 'dispatcher_silent', 'endpoint_disabled')),
    severity text not null check (severity in ('warning', 'critical')),
    subject text not null default '',
    webhook_config_id uuid references public.webhook_configurations (id) on delete set null,
    summary text not null,
    details jsonb not null default '{}',
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    constraint webhook_alerts_ends_after_start check (ended_at >= started_at)
);
create unique index if not exists idx_webhook_alerts_active on public.webhook_alerts (kind, subject) where ended_at is null;
create index if not exists idx_webhook_alerts_started_at on public.webhook_alerts (started_at desc);
create index if not exists idx_webhook_alerts_ended_at on public.webhook_alerts (ended_at) where ended_at is not null;
create index if not exists idx_webhook_alerts_webhook_config_id on public.webhook_alerts (webhook_config_id);
comment on table public.webhook_alerts is 'What people must hear of, from its start to its end; kept for 90 days after.';
comment on column public.webhook_alerts.kind is 'failure_rate, overdue, circuit_open, dispatcher_silent or endpoint_disabled.';
comment on column public.webhook_alerts.severity is 'critical: nothing is delivered, or soon nothing will be. warning: some deliveries suffer.';
comment on column public.webhook_alerts.subject is 'What it is about: an endpoint''s id, or nothing. Of each kind and subject one alert is active at most.';
comment on column public.webhook_alerts.webhook_config_id is 'The endpoint that it is about, if one, while that exists.';
comment on column public.webhook_alerts.summary is 'One sentence, as it was told at the start.';
comment on column public.webhook_alerts.details is 'The figures behind it.';
comment on column public.webhook_alerts.ended_at is 'Empty while it holds.';

alter table public.webhook_alerts enable row level security;
create policy "Admins can view webhook alerts" on public.webhook_alerts
    for select to authenticated using ((select public.is_webhook_admin()));
revoke all on public.webhook_alerts from public, anon, authenticated;
grant select on public.webhook_alerts to authenticated, service_role;

create table if not exists public.webhook_alert_notices (
    alert_id uuid not null references public.webhook_alerts (id) on delete cascade,
    moment text not null check (moment in ('started', 'ended')),
    channel text not null check (channel in ('slack', 'email')),
    created_at timestamptz not null default now(),
    next_try_at timestamptz not null default now(),
    tries integer not null default 0,
    sent_at timestamptz,
    error text,
    primary key (alert_id, moment, channel)
);
create index if not exists idx_webhook_alert_notices_due
    on public.webhook_alert_notices (next_try_at) where sent_at is null;
comment on table public.webhook_alert_notices is 'Who was told of an alert: one row for its start and one for its end in each channel.';
comment on column public.webhook_alert_notices.next_try_at is 'When it is tried again; while somebody sends it, when another may.';
comment on column public.webhook_alert_notices.tries is 'Tries so far, ten at most.';
comment on column public.webhook_alert_notices.error is 'Why the last try failed.';

alter table public.webhook_alert_notices enable row level security;
create policy "Admins can view webhook alert notices" on public.webhook_alert_notices
    for select to authenticated using ((select public.is_webhook_admin()));
revoke all on public.webhook_alert_notices from public, anon, authenticated;
grant select on public.webhook_alert_notices to authenticated, service_role;

create or replace function webhooks.alert_conditions(policy jsonb)
returns table (kind text, severity text, subject text, webhook_config_id uuid, summary text, details jsonb)
language sql
stable
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
    -- of the last hour's finished deliveries more failed than may
    select 'failure_rate', 'warning', '', null::uuid,
           format('%s %% of the last hour''s %s finished deliveries failed', round(100.0 * f.failed / f.finished), f.finished),
           jsonb_build_object('failed', f.failed, 'finished', f.finished)
    from (
        select count(*) filter (where d.status = 'failed') as failed, count(*) as finished
        from public.webhook_deliveries as d
        where d.created_at > now() - interval '1 hour' and d.status in ('delivered', 'failed')
          and (policy ->> 'with_rate')::boolean
    ) as f
    where f.finished >= greatest(1, (policy ->> 'failure_minimum')::integer)
      and f.failed > f.finished * (policy ->> 'failure_rate')::numeric
    union all
    -- more are overdue than may be; counted up to 10,000
    select 'overdue', 'warning', '', null,
           format('%s%s deliveries are overdue by more than %s s', o.n, case when o.n = 10000 then ' or more' else '' end,
                  policy ->> 'overdue_seconds'),
           jsonb_build_object('overdue', o.n)
    from (
        select count(*) as n
        from (
            select
            from public.webhook_configurations as c
            cross join lateral (
                select
                from public.webhook_deliveries as d
                where d.webhook_config_id = c.id and d.status = 'pending'
                  and d.next_attempt_at < now() - make_interval(secs => (policy ->> 'overdue_seconds')::float8)
                limit 10000
            ) as late
            where c.is_active
            limit 10000
        ) as bounded
    ) as o
    where o.n > (policy ->> 'overdue')::integer
    union all
    -- half-open is the trial of an open one: not its end yet
    select 'circuit_open', 'warning', c.id::text, c.id,
           format('The circuit of endpoint "%s" is open after %s failures in a row', c.name, h.consecutive_failures),
           jsonb_build_object('endpoint', c.name, 'consecutive_failures', h.consecutive_failures, 'open_until', h.open_until)
    from public.webhook_circuits as h
    join public.webhook_configurations as c on c.id = h.webhook_config_id
    where c.is_active and h.state <> 'closed'
    union all
    -- a cron that never called is not silent: nobody has set it up (webhooks doctor says so)
    select 'dispatcher_silent', 'critical', '', null,
           format('The dispatcher was last called at %s UTC', to_char(r.started_at at time zone 'utc', 'YYYY-MM-DD HH24:MI')),
           jsonb_build_object('last_run_at', r.started_at)
    from (select r.started_at from public.webhook_dispatcher_runs as r order by r.started_at desc limit 1) as r
    where r.started_at < now() - make_interval(secs => (policy ->> 'silence_seconds')::float8)
    union all
    select 'endpoint_disabled', 'critical', c.id::text, c.id,
           format('Endpoint "%s" was switched off: %s', c.name, coalesce(c.disabled_reason, 'no reason was given')),
           jsonb_build_object('endpoint', c.name, 'disabled_at', c.disabled_at, 'reason', c.disabled_reason)
    from public.webhook_configurations as c
    where not c.is_active and c.disabled_at is not null
$$;
comment on function webhooks.alert_conditions(jsonb) is 'What holds now and is worth an alert. policy: failure_rate, failure_minimum, with_rate, overdue, overdue_seconds, silence_seconds.';
revoke all on function webhooks.alert_conditions(jsonb) from public, anon, authenticated;

create or replace function webhooks.emit_alerts(alert_ids uuid[], moment text)
returns void
language sql
set search_path = ''
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
        -- asked for by name: a subscription to * is one to the app's own events
        on c.is_active and c.events && array['webhook.alert', 'webhook.*']
        -- who is in trouble is not told of it
        and c.id is distinct from a.webhook_config_id
$$;
comment on function webhooks.emit_alerts(uuid[], text) is 'Sends webhook.alert to the endpoints that ask for it.';
revoke all on function webhooks.emit_alerts(uuid[], text) from public, anon, authenticated;

create or replace function public.evaluate_webhook_alerts(policy jsonb, lease_seconds double precision default 60)
returns jsonb
language plpgsql
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
as $$
declare
    -- failure rate above a half, a hundred overdue by a minute, five minutes of silence
    _policy constant jsonb := '{"failure_rate": 0.5, "failure_minimum": 10, "with_rate": true, "overdue": 100,
        "overdue_seconds": 60, "silence_seconds": 300, "channels": {}}' || coalesce(policy, '{}');
    _started uuid[];
    _ended uuid[];
    _notices jsonb;
begin
    -- one at a time; whoever comes second has nothing to add
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

    -- policy.channels: kind -> the channels that are told of it. Who looks may have none (a gateway without settings for
    -- alerts), so that a start is told by the first who has one; an end goes where its start went.
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

    -- what is to be sent now; an end waits until its start was sent, or given up
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
comment on function public.evaluate_webhook_alerts(jsonb, double precision) is 'Starts and ends alerts by what holds now, and leases the notices that are to be sent. policy: thresholds, and channels by kind.';
revoke all on function public.evaluate_webhook_alerts(jsonb, double precision) from public, anon, authenticated;
grant execute on function public.evaluate_webhook_alerts(jsonb, double precision) to service_role;

create or replace function public.record_webhook_alert_notices(results jsonb)
returns void
language sql
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
as $$
    update public.webhook_alert_notices as n
    set sent_at = case when r.error is null then now() end,
        error = left(r.error, 1000),
        -- 2^n seconds after try n, at most ten minutes
        next_try_at = now() + make_interval(secs => least(600, power(2, n.tries)))
    from jsonb_to_recordset(results) as r (alert_id uuid, moment text, channel text, error text)
    where n.alert_id = r.alert_id and n.moment = r.moment and n.channel = r.channel and n.sent_at is null
$$;
comment on function public.record_webhook_alert_notices(jsonb) is 'Records which notices were sent; one with an error is tried again.';
revoke all on function public.record_webhook_alert_notices(jsonb) from public, anon, authenticated;
grant execute on function public.record_webhook_alert_notices(jsonb) to service_role;

-- Endpoints may subscribe to the system's own events, which nobody can dispatch: they are not in the catalog.
create or replace function webhooks.check_endpoint()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    _problem text := webhooks.url_problem(new.url);
    _unknown text;
begin
    if (tg_op = 'INSERT' or new.url is distinct from old.url) and _problem is not null then
        raise exception 'webhook endpoint "%": %', new.name, _problem using errcode = '22023';
    end if;
    if tg_op = 'INSERT' or new.events is distinct from old.events then
        if cardinality(new.events) = 0 then
            raise exception 'webhook endpoint "%" subscribes to nothing', new.name
                using errcode = '22023', hint = 'Set events to types such as {user.joined_community}, families {user.*}, or {*}.';
        end if;
        select string_agg(coalesce(pattern, 'null'), ', ') into _unknown
        from unnest(new.events) as pattern
        where pattern is null or not (
            pattern in ('*', 'webhook.*', 'webhook.alert')
            or exists (select from public.webhook_event_types t
                       where t.analytics_destination is null
                         and (t.name = pattern or split_part(t.name, '.', 1) || '.*' = pattern)));
        if _unknown is not null then
            raise exception 'webhook endpoint "%" subscribes to what the event catalog does not have: %', new.name, _unknown
                using errcode = '22023', hint = 'The catalog is public.webhook_event_types; families are written user.*, all events *.';
        end if;
    end if;
    if (tg_op = 'INSERT' or new.secret_key is distinct from old.secret_key)
        and starts_with(new.secret_key, 'whsec_')
        and substr(new.secret_key, 7) !~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$' then
        -- the value itself never stands in an error: errors are logged
        raise exception 'webhook endpoint "%": secret_key starts with whsec_ but no valid base64 follows', new.name
            using errcode = '22023', hint = 'Make one with: webhooks secret';
    end if;
    return new;
end $$;
