-- Endpoints may subscribe to the system's own events, which cannot be dispatched: they are not in the catalog.
create or replace function webhooks.check_endpoint()
returns trigger
language plpgsql
-- definer: callers that write an endpoint hold no privilege on the tables it is checked against
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _problem text;
    _unknown text;
    _kept jsonb;
begin
    -- an upsert's: see move_endpoint_secrets
    if tg_op = 'UPDATE' and (new.secret_key = 'kept:' || new.id or new.headers = jsonb_build_object('kept', new.id)) then
        _kept := nullif(current_setting('webhooks.kept_secrets', true), '')::jsonb -> new.id::text;
        if new.secret_key = 'kept:' || new.id then
            new.secret_key := _kept ->> 'secret_key';
        end if;
        if new.headers = jsonb_build_object('kept', new.id) then
            new.headers := nullif(_kept -> 'headers', 'null');
        end if;
    end if;
    if tg_op = 'INSERT' or new.url is distinct from old.url then
        new.url := webhooks.normal_url(new.url);
        if tg_op = 'UPDATE' and old.url like 'listen:%' then
            raise exception 'webhook endpoint "%" is that of a listener: its URL cannot change', new.name
                using errcode = '22023', hint = 'It ends with `webhooks listen`. Create an endpoint for another URL.';
        end if;
        -- that of a listener, which webhooks.start_webhook_listener creates with it
        if not (new.url like 'listen:%' and exists (select from webhooks.listeners as l where l.webhook_config_id = new.id)) then
            _problem := webhooks.url_problem(new.url);
        end if;
        if _problem is not null then
            raise exception 'webhook endpoint "%": %', new.name, _problem using errcode = '22023';
        end if;
    end if;
    if tg_op = 'INSERT' or new.events is distinct from old.events then
        if cardinality(new.events) = 0 then
            raise exception 'webhook endpoint "%" has no events', new.name
                using errcode = '22023', hint = 'Set events to types such as {user.joined_community}, families {user.*}, or {*}.';
        end if;
        if cardinality(new.events) > 1000 or array_ndims(new.events) > 1 or array_lower(new.events, 1) <> 1 then
            raise exception 'webhook endpoint "%": events must be a plain list of at most 1000', new.name
                using errcode = '22023', hint = 'Set events to types such as {user.joined_community}, families {user.*}, or {*}.';
        end if;
        select left(string_agg(coalesce(pattern, 'null'), ', '), 1000) into _unknown
        from unnest(new.events) as pattern
        where pattern is null or not (
            pattern = '*' or (new.tenant_id is null and pattern in (
                'webhook.*', 'webhook.alert', 'webhooks.*', 'webhooks.endpoint_failing', 'webhooks.endpoint_disabled',
                'webhooks.endpoint_recovered'))
            or exists (select from public.webhook_event_types t
                       where t.analytics_destination is null
                         -- to a tenant, what it cannot receive does not exist
                         and (new.tenant_id is null or t.audience = 'customers')
                         and (t.name = pattern or split_part(t.name, '.', 1) || '.*' = pattern)));
        if _unknown is not null then
            raise exception 'webhook endpoint "%" subscribes to events that are not in the catalog: %', new.name, _unknown
                using errcode = '22023', hint = 'The catalog is public.webhook_event_types; families are written user.*, all events *.';
        end if;
    end if;
    if tg_op = 'INSERT' then
        new := webhooks.check_tenant(new, null);
    elsif coalesce(new.tenant_id, old.tenant_id) is not null then
        new := webhooks.check_tenant(new, old);
    end if;
    _problem := webhooks.secret_problem(new.secret_key);
    if _problem is not null then
        raise exception 'webhook endpoint "%": %', new.name, _problem
            using errcode = '22023', hint = 'Create one with: webhooks secret, or: webhooks secret --ed25519';
    end if;
    _problem := webhooks.headers_problem(
        -- valid headers: they move to a table of their own
        coalesce(new.headers, (select s.headers from webhooks.endpoint_secrets as s where s.webhook_config_id = new.id)),
        split_part(new.url, ':', 1));
    if _problem is not null then
        raise exception 'webhook endpoint "%": headers: %', new.name, _problem using errcode = '22023';
    end if;
    return new;
end $$;
comment on function webhooks.check_endpoint() is 'Rejects an endpoint that cannot be delivered to because of its URL, events, secret or headers. No error contains a secret or a header''s value.';
revoke all on function webhooks.check_endpoint() from public, anon, authenticated, service_role;
