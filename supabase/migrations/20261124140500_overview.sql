-- The dashboard's figures. Each is a plain count over a stated time, so that anybody can check it in SQL.

-- latencies of the last hour, whatever the log holds; a new row comes last, which costs next to nothing
-- squawk-ignore require-concurrent-index-creation -- a migration is one transaction
create index if not exists idx_webhook_attempts_started_at on public.webhook_attempts (started_at);

create or replace function webhooks.dispatcher_uptime(since timestamptz)
returns numeric
language sql
stable
set search_path = ''
as $$
    -- a heartbeat without error covers the five minutes after it, or up to the next one
    with beats as (
        select greatest(r.started_at, since) as covers_from,
               least(r.started_at + interval '5 minutes',
                     lead(r.started_at, 1, now()) over (order by r.started_at)) as covers_until
        from public.webhook_dispatcher_runs as r
        where r.error is null and r.started_at > since - interval '5 minutes'
    ),
    span as (
        -- a system younger than that is measured from its first heartbeat
        select greatest(since, (
            select r.started_at from public.webhook_dispatcher_runs as r order by r.started_at limit 1)) as begins
    )
    select round(100 * coalesce((
               select sum(greatest(0, extract(epoch from b.covers_until - b.covers_from))) from beats as b), 0)
           / nullif(extract(epoch from now() - s.begins), 0), 2)
    from span as s
    where exists (select from public.webhook_dispatcher_runs)
$$;
comment on function webhooks.dispatcher_uptime(timestamptz) is 'The share of time since a moment that lies within five minutes of a heartbeat, in percent; null without one.';
revoke all on function webhooks.dispatcher_uptime(timestamptz) from public, anon, authenticated;


create or replace function public.webhook_overview()
returns jsonb
language plpgsql
stable
-- definer: the backlog is counted by a function that users may not call
security definer
set search_path = ''
set jit = off
as $$
declare
    _hour constant timestamptz := now() - interval '1 hour';
    _last_hour jsonb;
    _circuits jsonb;
    _performance jsonb;
    _backlog jsonb := public.webhook_backlog();
    _last_run public.webhook_dispatcher_runs;
    _disabled integer;
    _active integer;
    _reasons jsonb := '[]';
begin
    perform webhooks.check_admin();
    select jsonb_build_object(
        'total', count(*),
        'delivered', count(*) filter (where d.status = 'delivered'),
        'failed', count(*) filter (where d.status = 'failed'),
        'pending', count(*) filter (where d.status in ('pending', 'processing')))
    into _last_hour
    from public.webhook_deliveries as d
    where d.created_at > _hour;

    -- the circuits of endpoints that deliveries go to
    select jsonb_build_object(
        'open', count(*) filter (where h.state = 'open'),
        'half_open', count(*) filter (where h.state = 'half_open'),
        'closed', count(*) filter (where h.state = 'closed')),
        count(*)
    into _circuits, _active
    from public.webhook_circuits as h
    join public.webhook_configurations as c on c.id = h.webhook_config_id
    where c.is_active;
    select count(*) into _disabled from public.webhook_configurations as c where c.disabled_at is not null;

    select r.* into _last_run from public.webhook_dispatcher_runs as r order by r.started_at desc limit 1;
    select jsonb_build_object(
        'attempts', count(*),
        'p95_ms', percentile_disc(0.95) within group (order by a.duration_ms),
        'max_ms', max(a.duration_ms),
        'dispatcher_uptime_percent', webhooks.dispatcher_uptime(now() - interval '24 hours'),
        'last_run_at', _last_run.started_at)
    into _performance
    from public.webhook_attempts as a
    where a.started_at > _hour;

    -- why not all is well, the worst first
    select coalesce(jsonb_agg(jsonb_build_object('severity', r.severity, 'text', r.text) order by r.place), '[]')
    into _reasons
    from (values
        (1, 'down', 'Nothing is delivered: a delivery that may go out has waited since '
            || to_char((_backlog ->> 'oldest_due_at')::timestamptz at time zone 'utc', 'HH24:MI') || ' UTC. Is a worker running?',
            (_backlog ->> 'oldest_due_at')::timestamptz < now() - interval '5 minutes'),
        (2, 'down', 'All circuits are open', _active > 0 and (_circuits ->> 'open')::integer = _active),
        (3, 'down', 'More than half of the last hour''s finished deliveries failed',
            (_last_hour ->> 'failed')::integer > (_last_hour ->> 'delivered')::integer
            and (_last_hour ->> 'failed')::integer >= 10),
        (4, 'degraded', 'More than one in twenty of the last hour''s deliveries failed',
            (_last_hour ->> 'failed')::integer * 20 > (_last_hour ->> 'total')::integer),
        (5, 'degraded', 'Circuits: ' || concat_ws(' and ',
                nullif(_circuits ->> 'open', '0') || ' open', nullif(_circuits ->> 'half_open', '0') || ' half-open'),
            (_circuits ->> 'open')::integer + (_circuits ->> 'half_open')::integer > 0),
        (6, 'degraded', (_backlog ->> 'due') || ' deliveries are due', (_backlog ->> 'due')::integer > 100),
        (7, 'degraded', 'The dispatcher has been silent for more than 5 minutes',
            _last_run.started_at < now() - interval '5 minutes'),
        (8, 'degraded', 'The dispatcher has never been called', _last_run.id is null),
        (9, 'degraded', 'The dispatcher''s last run failed', _last_run.error is not null),
        (10, 'degraded', 'Endpoints that the system switched off: ' || _disabled, _disabled > 0)
    ) as r (place, severity, text, holds)
    where r.holds
      -- "all circuits are open" says it already, and so does "more than half"
      and not (r.place = 5 and _active > 0 and (_circuits ->> 'open')::integer = _active)
      and not (r.place = 4 and (_last_hour ->> 'failed')::integer > (_last_hour ->> 'delivered')::integer
               and (_last_hour ->> 'failed')::integer >= 10);

    return jsonb_build_object(
        'status', coalesce(_reasons -> 0 ->> 'severity', 'healthy'),
        'reasons', _reasons,
        'last_hour', _last_hour,
        'circuits', _circuits,
        'performance', _performance,
        'backlog', _backlog,
        'endpoints', jsonb_build_object('active', _active, 'disabled_by_system', _disabled),
        'as_of', now());
end $$;
comment on function public.webhook_overview() is 'The dashboard: status with reasons, the last hour''s deliveries, circuits of active endpoints, latencies of the last hour''s attempts, and the dispatcher''s uptime over a day.';
revoke all on function public.webhook_overview() from public, anon, authenticated;
grant execute on function public.webhook_overview() to authenticated, service_role;

create or replace function public.webhook_series(span interval default '1 hour', buckets integer default 60)
returns jsonb
language plpgsql
stable
-- invoker: row level security decides what the caller sees
security invoker
set search_path = ''
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    _width interval;
    _from timestamptz;
begin
    perform webhooks.check_admin();
    if span is null or span < interval '1 minute' or span > interval '7 days' or buckets is null or buckets not between 1 and 500 then
        raise exception 'a series spans a minute to 7 days, in 1 to 500 buckets' using errcode = '22023';
    end if;
    _width := span / buckets;
    _from := now() - span;
    return (
        with created as (
            select width_bucket(extract(epoch from d.created_at - _from), 0, extract(epoch from span), buckets) as bucket,
                   count(*) filter (where d.status = 'delivered') as delivered,
                   count(*) filter (where d.status = 'failed') as failed,
                   count(*) filter (where d.status in ('pending', 'processing')) as pending
            from public.webhook_deliveries as d
            where d.created_at > _from
            group by 1
        ),
        tried as (
            select width_bucket(extract(epoch from a.started_at - _from), 0, extract(epoch from span), buckets) as bucket,
                   percentile_disc(0.5) within group (order by a.duration_ms) as p50,
                   percentile_disc(0.95) within group (order by a.duration_ms) as p95
            from public.webhook_attempts as a
            where a.started_at > _from
            group by 1
        )
        select jsonb_build_object(
            'from', _from,
            'bucket_seconds', extract(epoch from _width),
            'at', jsonb_agg(round(extract(epoch from _from + (b.number - 1) * _width), 3) order by b.number),
            'delivered', jsonb_agg(coalesce(c.delivered, 0) order by b.number),
            'failed', jsonb_agg(coalesce(c.failed, 0) order by b.number),
            'pending', jsonb_agg(coalesce(c.pending, 0) order by b.number),
            'p50_ms', jsonb_agg(t.p50 order by b.number),
            'p95_ms', jsonb_agg(t.p95 order by b.number))
        from generate_series(1, buckets) as b (number)
        -- now() itself falls just behind the last bucket
        left join (
            select least(m.bucket, buckets) as bucket, sum(m.delivered) as delivered, sum(m.failed) as failed, sum(m.pending) as pending
            from created as m
            group by 1
        ) as c on c.bucket = b.number
        left join tried as t on t.bucket = b.number);
end $$;
comment on function public.webhook_series(interval, integer) is 'Deliveries by the time they were made and their status now, and attempts'' latencies, in equal buckets up to now; each as a column.';
revoke all on function public.webhook_series(interval, integer) from public, anon, authenticated;
grant execute on function public.webhook_series(interval, integer) to authenticated, service_role;
