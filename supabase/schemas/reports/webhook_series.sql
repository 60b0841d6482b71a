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
    _from timestamptz;
    _seconds double precision;
    _listened uuid[] := webhooks.listened_deliveries();
begin
    if span is null or span < interval '1 minute' or span > interval '7 days' or buckets is null or buckets not between 1 and 500 then
        raise exception 'a series must span 1 minute to 7 days, in 1 to 500 buckets' using errcode = '22023';
    end if;
    _seconds := extract(epoch from span) / buckets;
    -- by the clock: a bucket of five minutes begins at :00, :05 and so on. The newest is the one that now() is in.
    _from := to_timestamp((floor(extract(epoch from now()) / _seconds) - buckets + 1) * _seconds);
    return (
        with created as (
            select least(floor(extract(epoch from d.created_at - _from) / _seconds) + 1, buckets) as bucket,
                   count(*) filter (where d.status = 'delivered') as delivered,
                   count(*) filter (where d.status = 'failed') as failed,
                   count(*) filter (where d.status in ('pending', 'processing')) as pending
            from public.webhook_deliveries as d
            where d.created_at >= _from and d.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
            group by 1
        ),
        tried as (
            select least(floor(extract(epoch from a.started_at - _from) / _seconds) + 1, buckets) as bucket,
                   percentile_disc(0.5) within group (order by a.duration_ms) as p50,
                   percentile_disc(0.95) within group (order by a.duration_ms) as p95
            from public.webhook_attempts as a
            where a.started_at >= _from and a.delivery_id <> all (_listened)
            group by 1
        )
        select jsonb_build_object(
            'from', _from,
            'bucket_seconds', _seconds,
            'at', jsonb_agg(round((extract(epoch from _from) + (b.number - 1) * _seconds)::numeric, 3) order by b.number),
            'delivered', jsonb_agg(coalesce(c.delivered, 0) order by b.number),
            'failed', jsonb_agg(coalesce(c.failed, 0) order by b.number),
            'pending', jsonb_agg(coalesce(c.pending, 0) order by b.number),
            'p50_ms', jsonb_agg(t.p50 order by b.number),
            'p95_ms', jsonb_agg(t.p95 order by b.number))
        from generate_series(1, buckets) as b (number)
        left join created as c on c.bucket = b.number
        left join tried as t on t.bucket = b.number);
end $$;
comment on function webhooks.webhook_series(interval, integer) is 'Behind public.webhook_series.';
revoke all on function webhooks.webhook_series(interval, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_series(interval, integer) to authenticated, service_role;
