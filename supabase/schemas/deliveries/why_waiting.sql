create or replace function webhooks.why_waiting(
    status text,
    next_attempt_at timestamptz,
    endpoint public.webhook_configurations,
    circuit public.webhook_circuits
)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when why_waiting.status <> 'pending' then null
        when endpoint.deleted_at is not null then jsonb_build_object('reason', 'the endpoint was deleted', 'until', null)
        when not endpoint.is_active then jsonb_build_object(
            'reason', case
                when endpoint.disabled_at is null then 'the endpoint is paused'
                else 'the endpoint is disabled: ' || coalesce(endpoint.disabled_reason, 'no reason given')
            end, 'until', null)
        when endpoint.url like 'listen:%' then jsonb_build_object('reason', '`webhooks listen`', 'until', null)
        when circuit.state = 'open' and circuit.open_until > now() then jsonb_build_object(
            'reason', 'the endpoint is failing, and its circuit is open', 'until', circuit.open_until)
        when circuit.paused_until > now() then jsonb_build_object(
            'reason', 'the endpoint asked to wait (Retry-After)', 'until', circuit.paused_until)
        when circuit.state <> 'closed' then jsonb_build_object(
            'reason', 'one request is testing whether the endpoint has recovered', 'until', null)
        when why_waiting.next_attempt_at > now() then jsonb_build_object('reason', 'the next attempt', 'until', why_waiting.next_attempt_at)
        when circuit.places is not null then jsonb_build_object(
            'reason', 'the endpoint is ramping up after an outage, ' || circuit.places || ' at once', 'until', null)
        when endpoint.rate_limit_per_second is not null or endpoint.max_concurrency is not null then jsonb_build_object(
            'reason', 'a place within the endpoint''s limits', 'until', null)
        else jsonb_build_object('reason', 'a worker', 'until', null)
    end
$$;
comment on function webhooks.why_waiting(text, timestamptz, public.webhook_configurations, public.webhook_circuits) is 'What a pending delivery is waiting for, and until when, if known: {"reason", "until"}. Null for others.';
revoke all on function webhooks.why_waiting(text, timestamptz, public.webhook_configurations, public.webhook_circuits) from public, anon, authenticated, service_role;
