create or replace function webhooks.apply_endpoint_changes(
    endpoint public.webhook_configurations,
    changes jsonb
)
returns public.webhook_configurations
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    _unknown text;
    _changed public.webhook_configurations;
begin
    if jsonb_typeof(changes) is distinct from 'object' then
        raise exception 'an endpoint''s settings must be a JSON object' using errcode = '22023';
    end if;
    select string_agg(k.key, ', ') into _unknown
    from jsonb_object_keys(changes) as k (key)
    where k.key not in ('name', 'url', 'events', 'is_active', 'max_attempts', 'rate_limit_per_second', 'max_concurrency',
        'timeout_seconds', 'headers', 'circuit_failure_threshold', 'circuit_reset_seconds', 'credentials_profile',
        'retry_schedule', 'expires_after', 'managed_by');
    if _unknown is not null then
        raise exception 'unknown endpoint setting %', _unknown
            using errcode = '22023', hint = 'The system creates secrets: use rotate_webhook_secret.';
    end if;
    _changed := jsonb_populate_record(endpoint, case
        when jsonb_typeof(changes -> 'retry_schedule') = 'string' then
            changes || jsonb_build_object('retry_schedule', to_jsonb(webhooks.retry_preset(changes ->> 'retry_schedule')))
        else changes
    end);
    if trim(coalesce(_changed.name, '')) = '' or length(_changed.name) > 200 then
        raise exception 'an endpoint needs a name of at most 200 characters' using errcode = '22023';
    end if;
    if length(_changed.managed_by) not between 1 and 200 then
        raise exception 'webhook endpoint "%": managed_by must have 1 to 200 characters', _changed.name using errcode = '22023';
    end if;
    if _changed.url is null or length(_changed.url) > 2000 then
        raise exception 'webhook endpoint "%" needs a URL of at most 2000 characters', _changed.name
            using errcode = '22023', hint = 'Example: https://example.com/webhooks.';
    end if;
    if _changed.events is null or _changed.is_active is null then
        raise exception 'webhook endpoint "%": events and is_active may not be null', _changed.name using errcode = '22023';
    end if;
    if _changed.max_attempts not between 1 and 20 or _changed.max_attempts is null
        or _changed.rate_limit_per_second not between 1 and 100000
        or _changed.max_concurrency not between 1 and 10000
        or _changed.timeout_seconds not between 0.1 and 120
        or _changed.circuit_failure_threshold not between 1 and 10000
        or _changed.circuit_reset_seconds not between 1 and 86400
    then
        -- not left to the table's checks: their errors would carry the whole row into logs, secret included
        raise exception 'webhook endpoint "%": a number is out of its bounds', _changed.name
            using errcode = '22023', hint = 'max_attempts 1 to 20, rate_limit_per_second 1 to 100000, max_concurrency 1 to 10000, timeout_seconds 0.1 to 120, circuit_failure_threshold 1 to 10000, circuit_reset_seconds 1 to 86400.';
    end if;
    if cardinality(_changed.retry_schedule) > 19 or array_position(_changed.retry_schedule, null) is not null
        or not (0 <= all (_changed.retry_schedule) and 604800 >= all (_changed.retry_schedule)) then
        raise exception 'webhook endpoint "%": retry_schedule is not a list of at most 19 waits of 0 to 604800 seconds', _changed.name
            using errcode = '22023', hint = 'For example [5, 300, 1800], or "standard" or "quick"; null for max_attempts.';
    end if;
    -- one of a million years would lead to times before the first that Postgres knows, in a statement for all endpoints
    if _changed.expires_after <= interval '0' or _changed.expires_after > interval '10 years' then
        raise exception 'webhook endpoint "%": expires_after must be above 0, and at most 10 years', _changed.name
            using errcode = '22023', hint = 'For example "3 days"; null for never.';
    end if;
    return _changed;
end $$;
comment on function webhooks.apply_endpoint_changes(public.webhook_configurations, jsonb) is 'An endpoint with changes applied, or an error that names what is wrong with them.';
revoke all on function webhooks.apply_endpoint_changes(public.webhook_configurations, jsonb) from public, anon, authenticated, service_role;
