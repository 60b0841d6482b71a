create or replace function webhooks.create_webhook_endpoint(settings jsonb)
returns jsonb
language plpgsql
-- definer: behind public.create_webhook_endpoint, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _new public.webhook_configurations;
    _own jsonb := case when jsonb_typeof(settings) = 'object' then settings - 'tenant_id' else settings end;
begin
    _new := webhooks.apply_endpoint_changes(
        jsonb_populate_record(null::public.webhook_configurations, '{"is_active": true, "max_attempts": 3}'),
        -- retry for days by default
        case when settings ? 'retry_schedule' or settings ? 'max_attempts' then _own
        else _own || '{"retry_schedule": "standard"}' end);
    _new.tenant_id := settings ->> 'tenant_id';
    _new.id := gen_random_uuid();
    _new.secret_key := webhooks.generate_secret();
    insert into public.webhook_configurations
        (id, name, url, events, secret_key, is_active, created_by, max_attempts, rate_limit_per_second, max_concurrency,
         timeout_seconds, headers, circuit_failure_threshold, circuit_reset_seconds, credentials_profile,
         retry_schedule, expires_after, managed_by, tenant_id)
    values (_new.id, _new.name, _new.url, _new.events, _new.secret_key, _new.is_active,
            webhooks.user_id(), _new.max_attempts, _new.rate_limit_per_second,
            _new.max_concurrency, _new.timeout_seconds, _new.headers, _new.circuit_failure_threshold,
            _new.circuit_reset_seconds, nullif(_new.credentials_profile, ''), _new.retry_schedule, _new.expires_after,
            _new.managed_by, _new.tenant_id);
    perform webhooks.log_action('create_endpoint', _new.id, null, webhooks.without_header_values(settings));
    return jsonb_build_object('id', _new.id, 'secret_key', _new.secret_key);
end $$;
comment on function webhooks.create_webhook_endpoint(jsonb) is 'Behind public.create_webhook_endpoint.';
revoke all on function webhooks.create_webhook_endpoint(jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.create_webhook_endpoint(jsonb) to authenticated, service_role;
