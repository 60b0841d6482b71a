create or replace function webhooks.webhook_health()
returns jsonb
language sql
stable
-- definer: behind public.webhook_health, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.webhook_backlog() || jsonb_build_object(
        'last_hour', (
            select jsonb_build_object(
                'total', count(*),
                'delivered', count(*) filter (where d.status = 'delivered'),
                'failed', count(*) filter (where d.status = 'failed'),
                'pending', count(*) filter (where d.status in ('pending', 'processing')))
            from public.webhook_deliveries as d
            where d.created_at > now() - interval '1 hour'
              and d.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)),
        'endpoints', (
            select jsonb_build_object(
                'active', count(*) filter (where c.is_active),
                'inactive', count(*) filter (where not c.is_active))
            from public.webhook_configurations as c
            where c.id not in (select l.webhook_config_id from webhooks.listeners as l)),
        'last_run', (
            select jsonb_build_object('run_id', r.id, 'started_at', r.started_at, 'due', r.due,
                                      'enqueued', r.enqueued, 'error', r.error)
            from public.webhook_dispatcher_runs as r
            order by r.started_at desc
            limit 1))
$$;
comment on function webhooks.webhook_health() is 'Behind public.webhook_health.';
revoke all on function webhooks.webhook_health() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_health() to service_role;
