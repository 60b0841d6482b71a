create or replace function webhooks.webhook_overview()
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_overview, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
declare
    _hour constant timestamptz := now() - interval '1 hour';
    _last_hour jsonb;
    _hour_before bigint;
    _circuits jsonb;
    _performance jsonb;
    _backlog jsonb := webhooks.webhook_backlog();
    _last_run public.webhook_dispatcher_runs;
    _disabled integer;
    _active integer;
    _reasons jsonb := '[]';
    _installation webhooks.installation;
    _old timestamptz := (_backlog ->> 'oldest_due_at')::timestamptz;
    _listened uuid[] := webhooks.listened_deliveries();
    -- A backlog is not an outage: workers that claim or record are delivering, however many deliveries wait. The second is by
    -- the workers' clocks, which such a span forgives.
    _working boolean := exists (
            select from webhooks.delivery_queue as q
            where q.lease_id is not null and q.leased_at > now() - interval '5 minutes' and q.delivery_id <> all (_listened))
        or exists (
            select from public.webhook_attempts as a
            where a.started_at > now() - interval '5 minutes' and a.delivery_id <> all (_listened));
begin
    select i.* into _installation from webhooks.installation as i;
    select jsonb_build_object(
        'total', count(*),
        'delivered', count(*) filter (where d.status = 'delivered'),
        'failed', count(*) filter (where d.status = 'failed'),
        'pending', count(*) filter (where d.status in ('pending', 'processing')))
    into _last_hour
    from public.webhook_deliveries as d
    where d.created_at > _hour and d.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l);
    -- counted in an index, less those of listeners
    select (select count(*) from public.webhook_deliveries as d where d.created_at > _hour - interval '1 hour' and d.created_at <= _hour)
         - (select count(*) from webhooks.listeners as l
            join public.webhook_deliveries as d on d.webhook_config_id = l.webhook_config_id
            where d.created_at > _hour - interval '1 hour' and d.created_at <= _hour)
    into _hour_before;

    -- the circuits of endpoints that deliveries go to
    select jsonb_build_object(
        'open', count(*) filter (where h.state = 'open'),
        'half_open', count(*) filter (where h.state = 'half_open'),
        'closed', count(*) filter (where coalesce(h.state, 'closed') = 'closed')),
        count(*)
    into _circuits, _active
    from public.webhook_configurations as c
    left join public.webhook_circuits as h on h.webhook_config_id = c.id
    where c.is_active and c.id not in (select l.webhook_config_id from webhooks.listeners as l);
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
    where a.started_at > _hour and a.delivery_id <> all (_listened);

    -- the reasons for the status, the worst first
    select coalesce(jsonb_agg(jsonb_build_object('severity', r.severity, 'text', r.text, 'about', case
        when r.place in (1, 6) then 'due'
        when r.place in (2, 5, 10) then 'endpoints'
        when r.place in (3, 4) then 'failed'
        when r.place in (7, 8, 9) then 'dispatcher'
    end) order by r.place), '[]')
    into _reasons
    from (values
        (0, 'down', 'No deliveries go out: this database belongs to ' || coalesce(_installation.project, 'no project yet')
            || ', but workers of ' || _installation.held_for || ' ask for its deliveries. Confirm with: webhooks adopt',
            _installation.held_for is not null),
        (12, 'degraded', 'Attached events whose trigger is missing: webhooks doctor lists them, webhooks events reattach recreates them',
            exists (select from webhooks.missing_triggers())),
        (11, 'degraded', 'Grants or policies are wrong: webhooks doctor lists them, webhooks migrate secure repairs them',
            exists (select from webhooks.access_differences())),
        (1, 'down', 'No deliveries go out: one has been waiting since '
            || to_char(_old at time zone 'utc', 'HH24:MI') || ' UTC. Is a worker running?',
            _old < now() - interval '5 minutes' and not _working),
        (2, 'down', 'All circuits are open', _active > 0 and (_circuits ->> 'open')::integer = _active),
        (3, 'down', 'More than half of the last hour''s finished deliveries failed',
            (_last_hour ->> 'failed')::integer > (_last_hour ->> 'delivered')::integer
            and (_last_hour ->> 'failed')::integer >= 10),
        (4, 'degraded', 'More than one in twenty of the last hour''s deliveries failed',
            (_last_hour ->> 'failed')::integer * 20 > (_last_hour ->> 'total')::integer),
        (5, 'degraded', 'Circuits: ' || concat_ws(' and ',
                nullif(_circuits ->> 'open', '0') || ' open', nullif(_circuits ->> 'half_open', '0') || ' half-open'),
            (_circuits ->> 'open')::integer + (_circuits ->> 'half_open')::integer > 0),
        (6, 'degraded', (_backlog ->> 'due') || ' deliveries are due'
            || case when _old < now() - interval '5 minutes' then ', the oldest since ' || to_char(_old at time zone 'utc', 'HH24:MI') || ' UTC' else '' end,
            (_backlog ->> 'due')::integer > 100 or (_old < now() - interval '5 minutes' and _working)),
        (7, 'degraded', 'The dispatcher has not been called for more than 5 minutes',
            _last_run.started_at < now() - interval '5 minutes'),
        (9, 'degraded', 'The dispatcher''s last run failed', _last_run.error is not null),
        (10, 'degraded', 'Endpoints disabled by the system: ' || _disabled, _disabled > 0)
    ) as r (place, severity, text, holds)
    where r.holds
      -- "all circuits are open" says it already, and so does "more than half"
      and not (r.place = 5 and _active > 0 and (_circuits ->> 'open')::integer = _active)
      and not (r.place = 4 and (_last_hour ->> 'failed')::integer > (_last_hour ->> 'delivered')::integer
               and (_last_hour ->> 'failed')::integer >= 10);

    return jsonb_build_object(
        'status', coalesce(_reasons -> 0 ->> 'severity', 'healthy'),
        'reasons', _reasons,
        'failing', webhooks.failing_endpoints(5),
        'trigger_errors', (
            select count(*) from (select from public.webhook_trigger_errors as e where e.resolved_at is null limit 1000) as u),
        'last_hour', _last_hour,
        'hour_before', jsonb_build_object('total', _hour_before),
        'circuits', _circuits,
        'performance', _performance,
        'backlog', _backlog,
        'endpoints', jsonb_build_object('active', _active, 'disabled_by_system', _disabled),
        'setup', webhooks.setup_steps(),
        'as_of', now());
end $$;
comment on function webhooks.webhook_overview() is 'Behind public.webhook_overview.';
revoke all on function webhooks.webhook_overview() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_overview() to authenticated, service_role;
