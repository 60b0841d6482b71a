create or replace function webhooks.endpoint_settings(endpoint public.webhook_configurations)
returns jsonb
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return jsonb_strip_nulls(jsonb_build_object(
        'id', endpoint.id,
        'url', endpoint.url,
        'secrets', webhooks.live_secrets(endpoint.id),
        'credentials_profile', nullif(endpoint.credentials_profile, ''),
        'timeout_seconds', endpoint.timeout_seconds,
        'headers', (select s.headers from webhooks.endpoint_secrets as s where s.webhook_config_id = endpoint.id),
        'circuit_failure_threshold', endpoint.circuit_failure_threshold));
end $$;
comment on function webhooks.endpoint_settings(public.webhook_configurations) is 'What a worker needs to know about an endpoint. A missing key means: use the worker''s setting.';
revoke all on function webhooks.endpoint_settings(public.webhook_configurations) from public, anon, authenticated, service_role;
