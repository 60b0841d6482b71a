-- The figures of the whole system for Prometheus, which the gateway serves at /metrics. Asked for four times a minute,
-- so that nothing is counted without a bound.

create or replace function public.webhook_metrics()
returns jsonb
language sql
stable
-- definer: the gateway needs this function, not the tables
security definer
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
    select public.webhook_backlog() || jsonb_build_object(
        -- unfinished rows, counted up to 100,000 each
        'pending', (
            select count(*)
            from (
                select
                from public.webhook_configurations as c
                cross join lateral (
                    select
                    from public.webhook_deliveries as d
                    where d.webhook_config_id = c.id and d.status = 'pending'
                    limit 100000
                ) as waiting
                limit 100000
            ) as bounded),
        'processing', (
            select count(*)
            from (select from public.webhook_deliveries as d where d.status = 'processing' limit 100000) as bounded),
        'circuits', (
            select jsonb_build_object(
                'closed', count(*) filter (where h.state = 'closed'),
                'half_open', count(*) filter (where h.state = 'half_open'),
                'open', count(*) filter (where h.state = 'open'))
            from public.webhook_circuits as h
            join public.webhook_configurations as c on c.id = h.webhook_config_id
            where c.is_active),
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
            from public.webhook_configurations as c),
        'last_run_at', (
            select r.started_at from public.webhook_dispatcher_runs as r order by r.started_at desc limit 1),
        'now', clock_timestamp())
$$;
comment on function public.webhook_metrics() is 'For the gateway''s /metrics: the backlog, unfinished deliveries, circuits, endpoints and the last heartbeat.';
revoke all on function public.webhook_metrics() from public, anon, authenticated;
grant execute on function public.webhook_metrics() to service_role;
