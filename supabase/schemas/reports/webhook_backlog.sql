create or replace function webhooks.webhook_backlog(at_most integer default 10000)
returns jsonb
language sql
stable
-- definer: behind public.webhook_backlog, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
    select jsonb_build_object(
        'due', (
            select count(*)
            from (
                select 1
                from webhooks.endpoints_with_due() as e (id)
                cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = e.id) as r
                cross join lateral (
                    select 1
                    from webhooks.delivery_queue as q
                    where q.webhook_config_id = r.id and q.ready
                    -- for a circuit that is probed, one request is due
                    limit case when r.state = 'closed' then at_most else 1 end
                ) as due
                where (r.tokens is null or r.tokens >= 1)
                  and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
                union all
                -- retries whose time has come, and expired leases
                select 1
                from webhooks.delivery_queue as q
                cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = q.webhook_config_id) as r
                where not q.ready and q.due_at <= now()
                  and (r.tokens is null or r.tokens >= 1)
                  and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
                limit at_most
            ) as bounded),
        'oldest_due_at', (
            select min(first.due_at)
            from (
                select q.due_at
                from webhooks.endpoints_with_due() as e (id)
                cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = e.id) as r
                cross join lateral (
                    select q.due_at
                    from webhooks.delivery_queue as q
                    where q.webhook_config_id = r.id and q.ready
                    order by q.due_at
                    limit 1
                ) as q
                -- an endpoint that is at its limit has no delivery waiting that may go out
                where (r.tokens is null or r.tokens >= 1)
                  and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
                union all
                (
                    select q.due_at
                    from webhooks.delivery_queue as q
                    cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = q.webhook_config_id) as r
                    where not q.ready and q.due_at <= now()
                      and (r.tokens is null or r.tokens >= 1)
                      and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
                    order by q.due_at
                    limit 1
                )
            ) as first),
        'unchecked_urls', (
            select count(*)
            from (
                select
                from public.webhook_circuits as h
                join public.webhook_configurations as c on c.id = h.webhook_config_id
                where h.url_check_at <= now() and c.deleted_at is null
                limit 100
            ) as bounded))
$$;
comment on function webhooks.webhook_backlog(integer) is 'Behind public.webhook_backlog.';
revoke all on function webhooks.webhook_backlog(integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_backlog(integer) to service_role;
