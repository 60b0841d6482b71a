create or replace function webhooks.dispatcher_uptime(since timestamptz)
returns numeric
language sql
stable
set search_path = pg_catalog, pg_temp
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
comment on function webhooks.dispatcher_uptime(timestamptz) is 'The share of the time since a given time that is within five minutes of a heartbeat, in percent; null without one.';
revoke all on function webhooks.dispatcher_uptime(timestamptz) from public, anon, authenticated, service_role;
