create or replace function webhooks.update_webhook_endpoint(webhook_config_id uuid, changes jsonb)
returns jsonb
language plpgsql
-- definer: behind public.update_webhook_endpoint, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _old public.webhook_configurations;
    _new public.webhook_configurations;
begin
    -- the circuit first, as when results are recorded: enabling an endpoint resets it
    perform from public.webhook_circuits as h
    where h.webhook_config_id = update_webhook_endpoint.webhook_config_id
    for update;
    select c.* into _old
    from public.webhook_configurations as c
    where c.id = update_webhook_endpoint.webhook_config_id and c.deleted_at is null
    for update;
    if not found then
        raise exception 'webhook endpoint % does not exist', update_webhook_endpoint.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;
    if changes ? 'updated_at' and (changes ->> 'updated_at')::timestamptz is distinct from _old.updated_at then
        raise exception 'webhook endpoint "%" has changed since you read it', _old.name
            using errcode = 'PT409', hint = 'Read it again, and repeat your change with its new updated_at.';
    end if;
    changes := changes - 'updated_at';
    _new := webhooks.apply_endpoint_changes(_old, changes);
    -- a number of attempts alone replaces a schedule, which would take precedence
    if changes ? 'max_attempts' and not changes ? 'retry_schedule' then
        _new.retry_schedule := null;
    end if;
    -- headers and credentials were given for where they went: someone who cannot read them must not redirect them
    if webhooks.where_credentials_go(_new.url) is distinct from webhooks.where_credentials_go(_old.url) then
        _new.headers := coalesce(_new.headers, '{}');
        _new.credentials_profile := case when changes ? 'credentials_profile' then _new.credentials_profile end;
    end if;
    -- in the table, null means unchanged; in a change, it means none
    if changes ? 'headers' then
        _new.headers := coalesce(_new.headers, '{}');
    end if;
    -- triggers check the columns named here: an old URL that would be rejected today stays unchanged
    update public.webhook_configurations as c
    set name = _new.name, is_active = _new.is_active, max_attempts = _new.max_attempts,
        url = _new.url, events = _new.events, headers = _new.headers,
        rate_limit_per_second = _new.rate_limit_per_second, max_concurrency = _new.max_concurrency,
        timeout_seconds = _new.timeout_seconds, circuit_failure_threshold = _new.circuit_failure_threshold,
        circuit_reset_seconds = _new.circuit_reset_seconds, credentials_profile = nullif(_new.credentials_profile, ''),
        retry_schedule = _new.retry_schedule, expires_after = _new.expires_after, managed_by = _new.managed_by
    where c.id = _old.id;
    perform webhooks.log_action('update_endpoint', _old.id, null, webhooks.without_header_values(changes));
    return jsonb_build_object('id', _old.id);
end $$;
comment on function webhooks.update_webhook_endpoint(uuid, jsonb) is 'Behind public.update_webhook_endpoint.';
revoke all on function webhooks.update_webhook_endpoint(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.update_webhook_endpoint(uuid, jsonb) to authenticated, service_role;
