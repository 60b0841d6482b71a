create or replace function webhooks.endpoint_health(
    endpoint public.webhook_configurations,
    circuit public.webhook_circuits
)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with figures as (
        select o.*
        from webhooks.delivery_rollups as o
        where o.webhook_config_id = endpoint.id
          and o.hour > date_trunc('hour', now(), 'UTC') - interval '24 hours'
    ),
    hours as (
        select jsonb_agg(coalesce(f.delivered, 0) order by s.hour) as delivered,
               jsonb_agg(coalesce(f.failed, 0) order by s.hour) as failed
        from generate_series(date_trunc('hour', now(), 'UTC') - interval '23 hours', now(), interval '1 hour') as s (hour)
        left join (
            select o.hour, sum(o.attempts - o.failed_attempts) as delivered, sum(o.failed_attempts) as failed
            from figures as o
            group by o.hour
        ) as f on f.hour = s.hour
    ),
    totals as (
        select coalesce(sum(o.attempts), 0) as attempts, coalesce(sum(o.failed_attempts), 0) as failed
        from figures as o
    )
    select jsonb_build_object(
        'status', s.status,
        'since', case s.status
            when 'failing' then coalesce(circuit.failing_since, circuit.since)
            when 'disabled' then endpoint.disabled_at
        end,
        'reason', case s.status
            when 'failing' then coalesce(circuit.last_error, 'the receiver returned ' || circuit.last_status)
            when 'disabled' then endpoint.disabled_reason
        end,
        'attempts', t.attempts,
        'failed_attempts', t.failed,
        -- 100 is all of them, not nearly all
        'success_percent', trunc(100.0 * (t.attempts - t.failed) / nullif(t.attempts, 0), 1),
        'p50_ms', webhooks.duration_percentile(d.durations, 0.5),
        'p95_ms', webhooks.duration_percentile(d.durations, 0.95),
        'delivered_by_hour', h.delivered,
        'failed_by_hour', h.failed)
    from (select webhooks.endpoint_status(endpoint, circuit) as status) as s
    cross join hours as h
    cross join totals as t
    cross join (
        select array_agg(c.count order by c.n) as durations
        from (
            select e.n, sum(e.count)::bigint as count
            from figures as o, unnest(o.durations) with ordinality as e (count, n)
            group by e.n
        ) as c
    ) as d
$$;
comment on function webhooks.endpoint_health(public.webhook_configurations, public.webhook_circuits) is 'An endpoint''s health: its status, since when and why, and the attempts of the last 24 hours, each hour by the clock, the oldest first.';
revoke all on function webhooks.endpoint_health(public.webhook_configurations, public.webhook_circuits) from public, anon, authenticated, service_role;
