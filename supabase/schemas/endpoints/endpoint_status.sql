create or replace function webhooks.endpoint_status(
    endpoint public.webhook_configurations,
    circuit public.webhook_circuits
)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when not endpoint.is_active and endpoint.disabled_at is not null then 'disabled'
        when not endpoint.is_active then 'paused'
        -- a row loaded without triggers has no circuit yet
        when coalesce(circuit.state, 'closed') <> 'closed' or circuit.failing_since is not null then 'failing'
        else 'healthy'
    end
$$;
comment on function webhooks.endpoint_status(public.webhook_configurations, public.webhook_circuits) is 'An endpoint''s health in one word: healthy; failing: its circuit is not closed, or nothing was delivered since failures began; paused: a person stopped it; disabled: the system did.';
revoke all on function webhooks.endpoint_status(public.webhook_configurations, public.webhook_circuits) from public, anon, authenticated, service_role;
