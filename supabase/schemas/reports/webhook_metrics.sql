create or replace function webhooks.webhook_metrics()
returns jsonb
language sql
stable
-- definer: behind public.webhook_metrics, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
    select webhooks.webhook_backlog() || jsonb_build_object(
        -- unfinished rows, counted up to 100,000 each
        'pending', (
            select count(*)
            from (
                select from webhooks.delivery_queue as q
                where q.lease_id is null and q.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
                limit 100000) as bounded),
        'processing', (
            select count(*)
            from (
                select from webhooks.delivery_queue as q
                where q.lease_id is not null and q.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
                limit 100000) as bounded),
        'circuits', (
            select jsonb_build_object(
                'closed', count(*) filter (where coalesce(h.state, 'closed') = 'closed'),
                'half_open', count(*) filter (where h.state = 'half_open'),
                'open', count(*) filter (where h.state = 'open'))
            from public.webhook_configurations as c
            left join public.webhook_circuits as h on h.webhook_config_id = c.id
            where c.is_active and c.id not in (select l.webhook_config_id from webhooks.listeners as l)),
        -- those that are not closed by name, a hundred at most
        'troubled', (
            select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'state', t.state)), '[]')
            from (
                select c.id, c.name, h.state
                from public.webhook_circuits as h
                join public.webhook_configurations as c on c.id = h.webhook_config_id
                where c.is_active and h.state <> 'closed'
                order by h.since
                limit 100
            ) as t),
        'endpoints', (
            select jsonb_build_object(
                'active', count(*) filter (where c.is_active),
                'inactive', count(*) filter (where not c.is_active),
                'disabled_by_system', count(*) filter (where c.disabled_at is not null))
            from public.webhook_configurations as c
            where c.id not in (select l.webhook_config_id from webhooks.listeners as l)),
        'last_run_at', (
            select r.started_at from public.webhook_dispatcher_runs as r order by r.started_at desc limit 1),
        'now', clock_timestamp())
$$;
comment on function webhooks.webhook_metrics() is 'Behind public.webhook_metrics.';
revoke all on function webhooks.webhook_metrics() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_metrics() to service_role;
