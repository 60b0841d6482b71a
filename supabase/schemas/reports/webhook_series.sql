create or replace function webhooks.webhook_series(span interval default '1 hour', buckets integer default 60)
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_series, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    _seconds double precision;
    _from timestamptz;
    -- where buckets begin
    _begins timestamptz[];
    -- From ten minutes on, a bucket's latencies are those of its hours, from the rollups: the attempts of a day are many.
    _hourly boolean;
    _listened uuid[];
begin
    if span is null or span < interval '1 minute' or span > interval '7 days' or buckets is null or buckets not between 1 and 500 then
        raise exception 'a series must span 1 minute to 7 days, in 1 to 500 buckets' using errcode = '22023';
    end if;
    _seconds := extract(epoch from span) / buckets;
    _hourly := _seconds >= 600;
    -- by the clock: a bucket of five minutes begins at :00, :05 and so on. The newest is the one that now() is in.
    _from := to_timestamp((floor(extract(epoch from now()) / _seconds) - buckets + 1) * _seconds);
    _begins := array(select to_timestamp(extract(epoch from _from) + n * _seconds) from generate_series(0, buckets - 1) as n);
    _listened := case when not _hourly then webhooks.listened_deliveries() end;
    return (
        with bucket as (
            select b.number, b.begins, coalesce(_begins[b.number + 1], 'infinity') as ends
            from unnest(_begins) with ordinality as b (begins, number)
        ),
        listened as (
            select width_bucket(d.created_at, _begins) as number,
                   count(*) filter (where d.status = 'delivered') as delivered,
                   count(*) filter (where d.status = 'failed') as failed,
                   count(*) filter (where d.status in ('pending', 'processing')) as pending
            from webhooks.listeners as l
            join public.webhook_deliveries as d on d.webhook_config_id = l.webhook_config_id
            where d.created_at >= _from
            group by 1
        ),
        created as (
            select c.number, c.delivered - coalesce(l.delivered, 0) as delivered, c.failed - coalesce(l.failed, 0) as failed,
                   c.pending - coalesce(l.pending, 0) as pending
            from webhooks.count_deliveries(_begins) as c
            left join listened as l on l.number = c.number
        ),
        tried as (
            select width_bucket(a.started_at, _begins) as number,
                   percentile_disc(0.5) within group (order by a.duration_ms) as p50,
                   percentile_disc(0.95) within group (order by a.duration_ms) as p95
            from public.webhook_attempts as a
            where not _hourly and a.started_at >= _from and a.delivery_id <> all (_listened)
            group by 1
        ),
        hourly as (
            select o.hour, e.n, sum(e.count) as count
            from webhooks.delivery_rollups as o, unnest(o.durations) with ordinality as e (count, n)
            where _hourly and o.hour > _from - interval '1 hour'
              and o.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
            group by 1, 2
        ),
        latency as (
            select t.number, t.p50, t.p95 from tried as t
            union all
            select e.number, webhooks.duration_percentile(e.durations, 0.5), webhooks.duration_percentile(e.durations, 0.95)
            from (
                select s.number, array_agg(s.count order by s.n) as durations
                from (
                    select b.number, h.n, sum(h.count)::bigint as count
                    from bucket as b
                    join hourly as h on h.hour > b.begins - interval '1 hour' and h.hour < b.ends
                    group by 1, 2
                ) as s
                group by s.number
            ) as e
        )
        select jsonb_build_object(
            'from', _from,
            'bucket_seconds', _seconds,
            'at', jsonb_agg(round(extract(epoch from b.begins), 3) order by b.number),
            'delivered', jsonb_agg(c.delivered order by b.number),
            'failed', jsonb_agg(c.failed order by b.number),
            'pending', jsonb_agg(c.pending order by b.number),
            'p50_ms', jsonb_agg(t.p50 order by b.number),
            'p95_ms', jsonb_agg(t.p95 order by b.number))
        from bucket as b
        join created as c on c.number = b.number
        left join latency as t on t.number = b.number);
end $$;
comment on function webhooks.webhook_series(interval, integer) is 'Behind public.webhook_series.';
revoke all on function webhooks.webhook_series(interval, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_series(interval, integer) to authenticated, service_role;
