create or replace function webhooks.endpoint_settings(ids uuid[], limited uuid[])
returns jsonb
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'id', c.id,
            'url', c.url,
            'secrets', case
                -- few endpoints have more than one
                when exists (select from webhooks.previous_secrets as p where p.webhook_config_id = c.id)
                    then webhooks.live_secrets(c.id)
                when s.secret_key is not null then jsonb_build_array(s.secret_key)
            end,
            'credentials_profile', nullif(c.credentials_profile, ''),
            'timeout_seconds', c.timeout_seconds,
            'headers', s.headers,
            'circuit_failure_threshold', c.circuit_failure_threshold,
            'circuit', coalesce(h.state, 'closed'),
            'limited', c.id = any (limited),
            'public_only', case
                when c.tenant_id is not null and not (webhooks.limits_of_tenant(c.tenant_id)).private_networks then true
            end)))
        from public.webhook_configurations as c
        left join webhooks.endpoint_secrets as s on s.webhook_config_id = c.id
        left join public.webhook_circuits as h on h.webhook_config_id = c.id
        where c.id = any (ids));
end $$;
comment on function webhooks.endpoint_settings(uuid[], uuid[]) is 'What a worker needs to know about endpoints, and which of them have limits; null without any. A missing key means: use the worker''s setting.';
revoke all on function webhooks.endpoint_settings(uuid[], uuid[]) from public, anon, authenticated, service_role;
