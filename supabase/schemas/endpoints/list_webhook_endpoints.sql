create or replace function webhooks.list_webhook_endpoints(
    webhook_config_id uuid default null,
    after_name text default null,
    after_id uuid default null,
    page_size integer default 200,
    tenant_id text default null,
    search text default null
)
returns jsonb
language plpgsql
stable
-- definer: behind public.list_webhook_endpoints, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
begin
    return (
        with page as (
            select c.*, c as endpoint
            from public.webhook_configurations as c
            where c.deleted_at is null
              and (list_webhook_endpoints.webhook_config_id is null or c.id = list_webhook_endpoints.webhook_config_id)
              and (list_webhook_endpoints.tenant_id is null or c.tenant_id = list_webhook_endpoints.tenant_id)
              -- row by row in the order of names, until the page is full
              and (list_webhook_endpoints.search is null
                  or strpos(lower(c.name), lower(list_webhook_endpoints.search)) > 0
                  or strpos(lower(c.url), lower(list_webhook_endpoints.search)) > 0)
              and (after_name is null or (c.name, c.id) > (after_name, after_id))
            order by c.name, c.id
            limit least(greatest(page_size, 1), 500)
        ),
        last_hour as (
            select d.webhook_config_id,
                   count(*) as total,
                   count(*) filter (where d.status = 'delivered') as delivered,
                   count(*) filter (where d.status = 'failed') as failed,
                   count(*) filter (where d.status in ('pending', 'processing')) as pending
            from public.webhook_deliveries as d
            where d.created_at > now() - interval '1 hour'
              and (coalesce(list_webhook_endpoints.tenant_id, list_webhook_endpoints.webhook_config_id::text) is null
                   or d.webhook_config_id = any (array(select p.id from page as p)))
            group by d.webhook_config_id
        )
        select coalesce(jsonb_agg(
            jsonb_build_object(
                'id', c.id, 'name', c.name, 'url', c.url, 'events', c.events, 'is_active', c.is_active,
                'max_attempts', c.max_attempts, 'rate_limit_per_second', c.rate_limit_per_second,
                'max_concurrency', c.max_concurrency, 'timeout_seconds', c.timeout_seconds,
                'circuit_failure_threshold', c.circuit_failure_threshold,
                'circuit_reset_seconds', c.circuit_reset_seconds, 'credentials_profile', c.credentials_profile,
                'retry_schedule', c.retry_schedule, 'expires_after', c.expires_after::text,
                'managed_by', c.managed_by, 'tenant_id', c.tenant_id, 'created_at', c.created_at, 'updated_at', c.updated_at,
                'disabled_at', c.disabled_at, 'disabled_reason', c.disabled_reason,
                'url_checked_at', h.url_checked_at, 'url_warning', h.url_warning,
                'has_secret', coalesce(e.secret_key is not null, false),
                'previous_secret_until', (
                    select max(p.expires_at) from webhooks.previous_secrets as p
                    where p.webhook_config_id = c.id and p.expires_at > now()),
                'header_names', (
                    select coalesce(jsonb_agg(h.name order by h.name), '[]')
                    from jsonb_object_keys(coalesce(e.headers, '{}')) as h (name)),
                'health', webhooks.endpoint_health(c.endpoint, h),
                'circuit', jsonb_build_object(
                    'state', coalesce(h.state, 'closed'), 'since', h.since, 'open_until', h.open_until,
                    'consecutive_failures', coalesce(h.consecutive_failures, 0), 'failing_since', h.failing_since,
                    'paused_until', case when h.paused_until > now() then h.paused_until end),
                -- counted up to 10,000: a backlog of millions must not slow the page
                'waiting', webhooks.waiting_for(c.id, 10000),
                'last_hour', jsonb_build_object(
                    'total', coalesce(l.total, 0), 'delivered', coalesce(l.delivered, 0),
                    'failed', coalesce(l.failed, 0), 'pending', coalesce(l.pending, 0)))
            order by c.name, c.id), '[]')
        from page as c
        left join webhooks.endpoint_secrets as e on e.webhook_config_id = c.id
        left join public.webhook_circuits as h on h.webhook_config_id = c.id
        left join last_hour as l on l.webhook_config_id = c.id);
end $$;
comment on function webhooks.list_webhook_endpoints(uuid, text, uuid, integer, text, text) is 'Behind public.list_webhook_endpoints.';
revoke all on function webhooks.list_webhook_endpoints(uuid, text, uuid, integer, text, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.list_webhook_endpoints(uuid, text, uuid, integer, text, text) to authenticated, service_role;
