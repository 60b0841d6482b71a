-- Endpoints, as admins list, make and change them. Secrets and the values of headers go in and never come out.

create or replace function public.list_webhook_endpoints(
    webhook_config_id uuid default null,
    after_name text default null,
    after_id uuid default null,
    page_size integer default 200
)
returns jsonb
language plpgsql
stable
-- definer: whether there is a secret, and the names of headers, stand in columns that admins may not read
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
set jit = off
as $$
begin
    perform webhooks.check_admin();
    return (
        with page as (
            select c.*
            from public.webhook_configurations as c
            where (list_webhook_endpoints.webhook_config_id is null or c.id = list_webhook_endpoints.webhook_config_id)
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
            group by d.webhook_config_id
        )
        select coalesce(jsonb_agg(
            jsonb_build_object(
                'id', c.id, 'name', c.name, 'url', c.url, 'events', c.events, 'is_active', c.is_active,
                'max_attempts', c.max_attempts, 'rate_limit_per_second', c.rate_limit_per_second,
                'max_concurrency', c.max_concurrency, 'timeout_seconds', c.timeout_seconds,
                'circuit_failure_threshold', c.circuit_failure_threshold,
                'circuit_reset_seconds', c.circuit_reset_seconds, 'credentials_profile', c.credentials_profile,
                'created_at', c.created_at, 'updated_at', c.updated_at,
                'disabled_at', c.disabled_at, 'disabled_reason', c.disabled_reason,
                'has_secret', coalesce(c.secret_key <> '', false),
                'previous_secret_until', (
                    select max(p.expires_at) from webhooks.previous_secrets as p
                    where p.webhook_config_id = c.id and p.expires_at > now()),
                'header_names', (
                    select coalesce(jsonb_agg(h.name order by h.name), '[]')
                    from jsonb_object_keys(coalesce(c.headers, '{}')) as h (name)),
                'circuit', (
                    select jsonb_build_object(
                        'state', h.state, 'since', h.since, 'open_until', h.open_until,
                        'consecutive_failures', h.consecutive_failures, 'failing_since', h.failing_since,
                        'paused_until', case when h.paused_until > now() then h.paused_until end)
                    from public.webhook_circuits as h where h.webhook_config_id = c.id),
                -- counted up to 10,000: a backlog of millions must not slow the page
                'waiting', (
                    select count(*)
                    from (select from public.webhook_deliveries as d
                          where d.webhook_config_id = c.id and d.status = 'pending' limit 10000) as bounded),
                'last_hour', jsonb_build_object(
                    'total', coalesce(l.total, 0), 'delivered', coalesce(l.delivered, 0),
                    'failed', coalesce(l.failed, 0), 'pending', coalesce(l.pending, 0)))
            order by c.name, c.id), '[]')
        from page as c
        left join last_hour as l on l.webhook_config_id = c.id);
end $$;
comment on function public.list_webhook_endpoints(uuid, text, uuid, integer) is 'Endpoints with their health, by name: all, one, or those after a name and id. Neither secrets nor the values of headers.';
revoke all on function public.list_webhook_endpoints(uuid, text, uuid, integer) from public, anon, authenticated;
grant execute on function public.list_webhook_endpoints(uuid, text, uuid, integer) to authenticated, service_role;

create or replace function webhooks.apply_endpoint_changes(
    endpoint public.webhook_configurations,
    changes jsonb
)
returns public.webhook_configurations
language plpgsql
stable
set search_path = ''
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
        'timeout_seconds', 'headers', 'circuit_failure_threshold', 'circuit_reset_seconds', 'credentials_profile');
    if _unknown is not null then
        raise exception 'an endpoint has no setting %', _unknown
            using errcode = '22023', hint = 'A secret is made by the system: use rotate_webhook_secret.';
    end if;
    _changed := jsonb_populate_record(endpoint, changes);
    if trim(coalesce(_changed.name, '')) = '' or length(_changed.name) > 200 then
        raise exception 'an endpoint needs a name of at most 200 characters' using errcode = '22023';
    end if;
    if _changed.url is null or length(_changed.url) > 2000 then
        raise exception 'webhook endpoint "%" needs a URL of at most 2000 characters', _changed.name
            using errcode = '22023', hint = 'A right one is https://example.com/webhooks.';
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
    return _changed;
end $$;
comment on function webhooks.apply_endpoint_changes(public.webhook_configurations, jsonb) is 'An endpoint with changes applied, or an error that names what is wrong with them.';
revoke all on function webhooks.apply_endpoint_changes(public.webhook_configurations, jsonb) from public, anon, authenticated;

create or replace function webhooks.without_header_values(changes jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
    select case
        when jsonb_typeof(changes -> 'headers') = 'object' then jsonb_set(changes, '{headers}', (
            select coalesce(jsonb_object_agg(h.name, '(hidden)'), '{}')
            from jsonb_object_keys(changes -> 'headers') as h (name)))
        else changes
    end
$$;
comment on function webhooks.without_header_values(jsonb) is 'An endpoint''s settings as they may be logged.';
revoke all on function webhooks.without_header_values(jsonb) from public, anon, authenticated;

create or replace function public.create_webhook_endpoint(settings jsonb)
returns jsonb
language plpgsql
-- definer: admins may not write the table, nor read the secret that this makes
security definer
set search_path = ''
as $$
declare
    _new public.webhook_configurations;
begin
    perform webhooks.check_admin();
    _new := webhooks.apply_endpoint_changes(
        jsonb_populate_record(null::public.webhook_configurations, '{"is_active": true, "max_attempts": 3}'), settings);
    _new.id := gen_random_uuid();
    _new.secret_key := webhooks.generate_secret();
    insert into public.webhook_configurations
        (id, name, url, events, secret_key, is_active, created_by, max_attempts, rate_limit_per_second, max_concurrency,
         timeout_seconds, headers, circuit_failure_threshold, circuit_reset_seconds, credentials_profile)
    values (_new.id, _new.name, _new.url, _new.events, _new.secret_key, _new.is_active,
            (select u.id from auth.users as u where u.id = auth.uid()), _new.max_attempts, _new.rate_limit_per_second,
            _new.max_concurrency, _new.timeout_seconds, _new.headers, _new.circuit_failure_threshold,
            _new.circuit_reset_seconds, nullif(_new.credentials_profile, ''));
    perform webhooks.log_action('create_endpoint', _new.id, null, webhooks.without_header_values(settings));
    return jsonb_build_object('id', _new.id, 'secret_key', _new.secret_key);
end $$;
comment on function public.create_webhook_endpoint(jsonb) is 'Makes an endpoint of {"name", "url", "events", ...} and returns its id and its secret, which is shown this once.';
revoke all on function public.create_webhook_endpoint(jsonb) from public, anon, authenticated;
grant execute on function public.create_webhook_endpoint(jsonb) to authenticated, service_role;

create or replace function public.update_webhook_endpoint(webhook_config_id uuid, changes jsonb)
returns jsonb
language plpgsql
-- definer: admins may not write the table
security definer
set search_path = ''
as $$
declare
    _old public.webhook_configurations;
    _new public.webhook_configurations;
begin
    perform webhooks.check_admin();
    select c.* into _old
    from public.webhook_configurations as c
    where c.id = update_webhook_endpoint.webhook_config_id
    for update;
    if not found then
        raise exception 'there is no webhook endpoint %', update_webhook_endpoint.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;
    _new := webhooks.apply_endpoint_changes(_old, changes);
    -- headers and credentials were given for where they went: whoever cannot read them must not lead them elsewhere
    if substring(_new.url from '^[^:]+://[^/?#]*') is distinct from substring(_old.url from '^[^:]+://[^/?#]*') then
        _new.headers := case when changes ? 'headers' then _new.headers end;
        _new.credentials_profile := case when changes ? 'credentials_profile' then _new.credentials_profile end;
    end if;
    -- the triggers look at what is named here: a URL of long ago that would be refused today stays as it is
    update public.webhook_configurations as c
    set name = _new.name, is_active = _new.is_active, max_attempts = _new.max_attempts,
        url = _new.url, events = _new.events, headers = _new.headers,
        rate_limit_per_second = _new.rate_limit_per_second, max_concurrency = _new.max_concurrency,
        timeout_seconds = _new.timeout_seconds, circuit_failure_threshold = _new.circuit_failure_threshold,
        circuit_reset_seconds = _new.circuit_reset_seconds, credentials_profile = nullif(_new.credentials_profile, '')
    where c.id = _old.id;
    perform webhooks.log_action('update_endpoint', _old.id, null, webhooks.without_header_values(changes));
    return jsonb_build_object('id', _old.id);
end $$;
comment on function public.update_webhook_endpoint(uuid, jsonb) is 'Changes the given settings of an endpoint; the others stay, but headers and credentials_profile when the URL gets another host. {"is_active": false} disables it.';
revoke all on function public.update_webhook_endpoint(uuid, jsonb) from public, anon, authenticated;
grant execute on function public.update_webhook_endpoint(uuid, jsonb) to authenticated, service_role;
