create or replace function webhooks.duration_percentile(durations bigint[], share double precision)
returns integer
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    with entry as (
        select e.n, e.count, power(2, e.n - 1) as low, power(2, e.n) as high,
               sum(e.count) over (order by e.n) as up_to, sum(e.count) over () as total
        from unnest(durations) with ordinality as e (count, n)
    )
    -- as if those of an entry were evenly spread over it
    select round(e.low + (e.high - e.low) * (e.total * share - (e.up_to - e.count))::float8 / e.count)::integer
    from entry as e
    where e.count > 0 and e.up_to >= e.total * share
    order by e.n
    limit 1
$$;
comment on function webhooks.duration_percentile(bigint[], double precision) is 'About the milliseconds that a share of attempts took at most: their durations are counted as in webhooks.delivery_rollups.';
revoke all on function webhooks.duration_percentile(bigint[], double precision) from public, anon, authenticated, service_role;
