create or replace function webhooks.count_deliveries(
    begins timestamptz[],
    until timestamptz default 'infinity',
    most integer default null
)
returns table (number integer, delivered bigint, failed bigint, pending bigint, more boolean)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
    -- Those that were created, counted in an index, less those that failed or wait, which small tables list: so the
    -- deliveries themselves are not read.
    select b.number::integer, greatest(c.count - f.count - coalesce(w.count, 0), 0), f.count, coalesce(w.count, 0),
           count_deliveries.most in (c.count, f.count)
    from unnest(count_deliveries.begins) with ordinality as b (begins, number)
    cross join lateral (
        select count(*)
        from (
            select from public.webhook_deliveries as d
            where d.created_at >= b.begins and d.created_at <= count_deliveries.until
              and d.created_at < coalesce(count_deliveries.begins[b.number + 1], 'infinity')
            limit count_deliveries.most
        ) as d
    ) as c
    cross join lateral (
        select count(*)
        from (
            select from webhooks.failed_deliveries as f
            where f.created_at >= b.begins and f.created_at <= count_deliveries.until
              and f.created_at < coalesce(count_deliveries.begins[b.number + 1], 'infinity')
            limit count_deliveries.most
        ) as f
    ) as f
    left join (
        select width_bucket(q.created_at, count_deliveries.begins) as number, count(*)
        from webhooks.delivery_queue as q
        where q.created_at <= count_deliveries.until
        group by 1
    ) as w on w.number = b.number
$$;
comment on function webhooks.count_deliveries(timestamptz[], timestamptz, integer) is 'Deliveries by creation time and present status, in buckets that begin at these times, the last one up to a time. most: how many are counted of a bucket; more: it may have others.';
revoke all on function webhooks.count_deliveries(timestamptz[], timestamptz, integer) from public, anon, authenticated, service_role;
