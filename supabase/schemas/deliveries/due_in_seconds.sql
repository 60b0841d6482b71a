create or replace function webhooks.due_in_seconds(at_most double precision)
returns double precision
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        -- due rows that were skipped are held by another transaction: retry a little later
        select least(at_most, min(greatest(0.05, extract(epoch from soonest.due_at - now()))))
        from (
            -- retries, and leases that may run out
            (select q.due_at from webhooks.delivery_queue as q where not q.ready order by q.due_at limit 1)
            union all
            -- what is ready, and waits for its endpoint's circuit, for the pause that it asked for, or for its rate limit
            select held.until
            from (
                -- by these three's indexes, not by what is ready: of endpoints that are disabled for good that may be much
                select h.webhook_config_id as id from public.webhook_circuits as h where h.open_until > now()
                union all
                select h.webhook_config_id from public.webhook_circuits as h where h.paused_until > now()
                union all
                -- the least limit, one a second, gives a token after a second
                select h.webhook_config_id from public.webhook_circuits as h where h.tokens_at >= now() - interval '1 second'
            ) as e
            -- the limit keeps it from being read the other way round, everything that is ready first
            cross join lateral (
                select from webhooks.delivery_queue as q where q.webhook_config_id = e.id and q.ready limit 1
            ) as ready
            cross join lateral (
                select greatest(
                           case when h.state = 'open' then h.open_until end,
                           h.paused_until,
                           -- a quarter of a second's, so that not each takes a claim of its own
                           case when h.tokens < 1 then h.tokens_at + make_interval(
                               secs => (greatest(1, c.rate_limit_per_second / 4) - h.tokens) / c.rate_limit_per_second) end
                       ) as until
                from public.webhook_configurations as c
                join public.webhook_circuits as h on h.webhook_config_id = c.id
                where c.id = e.id and c.is_active is not false
                limit 1
            ) as held
            where held.until > now()
        ) as soonest);
end $$;
comment on function webhooks.due_in_seconds(double precision) is 'In how many seconds more may be claimed than now, if nothing else happens; at_most, when that is sooner; null: never.';
revoke all on function webhooks.due_in_seconds(double precision) from public, anon, authenticated, service_role;
