create or replace function webhooks.failing_endpoints(at_most integer)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', f.id, 'name', f.name, 'disabled', f.status = 'disabled', 'circuit', f.state,
        'since', f.since, 'error', f.error, 'waiting', webhooks.waiting_for(f.id, 10000),
        -- the newest one that failed, else one that waits for its next attempt
        'delivery_id', coalesce(
            (select d.delivery_id from webhooks.failed_deliveries as d
             where d.webhook_config_id = f.id order by d.created_at desc, d.delivery_id desc limit 1),
            (select q.delivery_id from webhooks.delivery_queue as q
             where q.webhook_config_id = f.id and not q.ready and q.lease_id is null limit 1))) order by f.since), '[]')
    from (
        select c.id, c.name, s.status, coalesce(h.state, 'closed') as state,
               case s.status when 'disabled' then c.disabled_at else coalesce(h.failing_since, h.since) end as since,
               case s.status when 'disabled' then c.disabled_reason else coalesce(h.last_error, 'the receiver returned ' || h.last_status) end as error
        from public.webhook_configurations as c
        left join public.webhook_circuits as h on h.webhook_config_id = c.id
        cross join lateral (select webhooks.endpoint_status(c, h) as status) as s
        where c.deleted_at is null and s.status in ('failing', 'disabled')
        order by since
        limit at_most
    ) as f
$$;
comment on function webhooks.failing_endpoints(integer) is 'Endpoints that deliver nothing now: failing, or disabled by the system; the longest first, with the last error.';
revoke all on function webhooks.failing_endpoints(integer) from public, anon, authenticated, service_role;
