create or replace function webhooks.webhook_figures(
    webhook_config_id uuid default null,
    unit text default 'hour',
    count integer default 24
)
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_figures, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    _width interval;
    _from timestamptz;
begin
    if unit is null or unit not in ('hour', 'day') or count is null or count not between 1 and 200 then
        raise exception 'figures are by hour or day, 1 to 200 of them' using errcode = '22023';
    end if;
    _width := ('1 ' || unit)::interval;
    _from := date_trunc(unit, now(), 'UTC') - (count - 1) * _width;
    return (
        with figures as (
            select o.*
            from webhooks.delivery_rollups as o
            where o.hour >= _from
              and case
                  when webhook_figures.webhook_config_id is null
                      then o.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
                  else o.webhook_config_id = webhook_figures.webhook_config_id
              end
        ),
        parts as (
            select date_trunc(unit, o.hour, 'UTC') as at, sum(o.attempts) as attempts, sum(o.failed_attempts) as failed
            from figures as o
            group by 1
        ),
        entries as (
            select c.at, array_agg(c.count order by c.n) as durations
            from (
                select date_trunc(unit, o.hour, 'UTC') as at, e.n, sum(e.count)::bigint as count
                from figures as o, unnest(o.durations) with ordinality as e (count, n)
                group by 1, 2
            ) as c
            group by c.at
        ),
        events as (
            select o.event_type, sum(o.attempts) as attempts, sum(o.failed_attempts) as failed
            from figures as o
            group by o.event_type
        ),
        busiest as (
            select c.id, c.name, o.attempts, o.failed
            from (
                select o.webhook_config_id, sum(o.attempts) as attempts, sum(o.failed_attempts) as failed
                from figures as o
                group by o.webhook_config_id
            ) as o
            join public.webhook_configurations as c on c.id = o.webhook_config_id and c.deleted_at is null
            where webhook_figures.webhook_config_id is null
            order by o.attempts desc, c.name
            limit 5
        ),
        -- of the newest thousand: enough to see what a receiver responds with
        responses as (
            select d.response_status, d.status = 'delivered' as delivered, count(*) as deliveries
            from (
                select d.response_status, d.status, d.attempts
                from public.webhook_deliveries as d
                where d.webhook_config_id = webhook_figures.webhook_config_id
                order by d.created_at desc, d.id desc
                limit 1000
            ) as d
            where d.attempts > 0
            group by 1, 2
        )
        select jsonb_build_object(
            'unit', unit,
            'at', jsonb_agg(s.at order by s.at),
            'delivered', jsonb_agg(coalesce(p.attempts - p.failed, 0) order by s.at),
            'failed', jsonb_agg(coalesce(p.failed, 0) order by s.at),
            'p50_ms', jsonb_agg(webhooks.duration_percentile(d.durations, 0.5) order by s.at),
            'p95_ms', jsonb_agg(webhooks.duration_percentile(d.durations, 0.95) order by s.at),
            'events', (
                select coalesce(jsonb_object_agg(v.event_type, jsonb_build_object(
                    'attempts', v.attempts, 'failed_attempts', v.failed, 'deliveries', v.attempts - v.failed)), '{}')
                from events as v),
            'endpoints', (
                select coalesce(jsonb_agg(jsonb_build_object(
                    'id', b.id, 'name', b.name, 'attempts', b.attempts, 'failed_attempts', b.failed,
                    'success_percent', trunc(100.0 * (b.attempts - b.failed) / nullif(b.attempts, 0), 1),
                    'p95_ms', (
                        select webhooks.duration_percentile(array_agg(c.count order by c.n), 0.95)
                        from (
                            select e.n, sum(e.count)::bigint as count
                            from figures as o, unnest(o.durations) with ordinality as e (count, n)
                            where o.webhook_config_id = b.id
                            group by e.n
                        ) as c)
                    ) order by b.attempts desc, b.name), '[]')
                from busiest as b),
            'responses', (
                select coalesce(jsonb_agg(jsonb_build_object(
                    'status', r.response_status, 'delivered', r.delivered, 'deliveries', r.deliveries)
                    order by r.deliveries desc, r.response_status, r.delivered), '[]')
                from responses as r))
        from generate_series(_from, now(), _width) as s (at)
        left join parts as p on p.at = s.at
        left join entries as d on d.at = s.at);
end $$;
comment on function webhooks.webhook_figures(uuid, text, integer) is 'Behind public.webhook_figures.';
revoke all on function webhooks.webhook_figures(uuid, text, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_figures(uuid, text, integer) to authenticated, service_role;
