create or replace function webhooks.alert_conditions(policy jsonb)
returns table (kind text, severity text, subject text, webhook_config_id uuid, summary text, details jsonb)
language sql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
    -- more of the last hour's finished deliveries failed than is allowed
    select 'failure_rate', 'warning', '', null::uuid,
           format('%s %% of the last hour''s %s finished deliveries failed', round(100.0 * f.failed / f.finished), f.finished),
           jsonb_build_object('failed', f.failed, 'finished', f.finished)
    from (
        select count(*) filter (where d.status = 'failed') as failed, count(*) as finished
        from public.webhook_deliveries as d
        where d.created_at > now() - interval '1 hour' and d.status in ('delivered', 'failed')
          and d.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
          and (policy ->> 'with_rate')::boolean
    ) as f
    where f.finished >= greatest(1, (policy ->> 'failure_minimum')::integer)
      and f.failed > f.finished * (policy ->> 'failure_rate')::numeric
    union all
    -- more deliveries are overdue than is allowed; counted up to 10,000
    select 'overdue', 'warning', '', null,
           format('%s%s deliveries are overdue by more than %s s', o.n, case when o.n = 10000 then ' or more' else '' end,
                  policy ->> 'overdue_seconds'),
           jsonb_build_object('overdue', o.n)
    from (
        select count(*) as n
        from (
            select
            from webhooks.endpoints_with_due() as e (id)
            -- deliveries that wait for an open circuit are covered by endpoint_failing
            cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = e.id) as c
            cross join lateral (
                select
                from webhooks.delivery_queue as q
                where q.webhook_config_id = c.id and q.ready
                  and q.due_at < now() - make_interval(secs => (policy ->> 'overdue_seconds')::float8)
                limit 10000
            ) as late
            limit 10000
        ) as bounded
    ) as o
    where o.n > (policy ->> 'overdue')::integer
    union all
    -- It replaces an alert for the open circuit: one outage is one message, which ends when a delivery succeeds.
    select 'endpoint_failing', 'warning', c.id::text, c.id,
           format('Endpoint "%s" has failed since %s UTC. Last response: %s', c.name,
                  to_char(h.failing_since at time zone 'utc', 'YYYY-MM-DD HH24:MI'),
                  coalesce(left(h.last_error, 200), 'HTTP ' || h.last_status, 'none')),
           jsonb_build_object('endpoint', c.name, 'failing_since', h.failing_since, 'last_status', h.last_status,
                              'last_error', h.last_error, 'circuit', h.state, 'open_until', h.open_until)
    from public.webhook_circuits as h
    join public.webhook_configurations as c on c.id = h.webhook_config_id
    where (c.is_active or c.disabled_at is not null)
      and h.failing_since < now() - make_interval(secs => (policy ->> 'failing_seconds')::float8)
    union all
    -- a cron that never called is not silent: it was not set up (webhooks doctor says so)
    select 'dispatcher_silent', 'critical', '', null,
           format('The dispatcher was last called at %s UTC', to_char(r.started_at at time zone 'utc', 'YYYY-MM-DD HH24:MI')),
           jsonb_build_object('last_run_at', r.started_at)
    from (select r.started_at from public.webhook_dispatcher_runs as r order by r.started_at desc limit 1) as r
    where r.started_at < now() - make_interval(secs => (policy ->> 'silence_seconds')::float8)
    union all
    select 'endpoint_disabled', 'critical', c.id::text, c.id,
           format('Endpoint "%s" was disabled: %s', c.name, coalesce(c.disabled_reason, 'no reason given')),
           jsonb_build_object('endpoint', c.name, 'disabled_at', c.disabled_at, 'reason', c.disabled_reason)
    from public.webhook_configurations as c
    where not c.is_active and c.disabled_at is not null
$$;
comment on function webhooks.alert_conditions(jsonb) is 'The conditions that hold now and warrant an alert. policy: failure_rate, failure_minimum, with_rate, overdue, overdue_seconds, failing_seconds, silence_seconds.';
revoke all on function webhooks.alert_conditions(jsonb) from public, anon, authenticated, service_role;
