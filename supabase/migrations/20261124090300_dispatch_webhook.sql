-- Dispatch: an event becomes one pending delivery for each endpoint that subscribes to it, in the caller's own
-- transaction, by one insert whatever their number.

create table if not exists webhooks.idempotency_keys (
    scope text not null,
    key text not null check (length(key) between 1 and 255),
    request_id uuid not null,
    deliveries integer not null default 0,
    created_at timestamptz not null default now(),
    primary key (scope, key)
);
comment on table webhooks.idempotency_keys is 'What a dispatch with an idempotency_key answered, so that its repetition answers the same.';
comment on column webhooks.idempotency_keys.scope is 'Whose key it is: a user''s id, or server. One caller''s keys never meet another''s.';
alter table webhooks.idempotency_keys enable row level security;
revoke all on webhooks.idempotency_keys from public, anon, authenticated;

create or replace function webhooks.schema_problem(data_schema jsonb, data jsonb)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
    _problem text;
    _validator regprocedure := coalesce(
        to_regprocedure('extensions.jsonb_matches_schema(json,jsonb)'),
        to_regprocedure('public.jsonb_matches_schema(json,jsonb)'));
    _valid boolean;
begin
    if data is null or jsonb_typeof(data) <> 'object' then
        return 'event_data must be a JSON object';
    end if;
    select string_agg(p.problem, '; ' order by p.problem) into _problem
    from (
        select format('"%s" is missing', required.key) as problem
        from jsonb_array_elements_text(data_schema -> 'required') as required (key)
        where not data ? required.key
        union all
        select format('"%s" must be %s, not %s', property.key, types.names, jsonb_typeof(data -> property.key))
        from jsonb_each(data_schema -> 'properties') as property (key, schema)
        cross join lateral (
            select array_agg(t.name) as allowed, string_agg(t.name, ' or ') as names
            from jsonb_array_elements_text(
                case jsonb_typeof(property.schema -> 'type')
                    when 'array' then property.schema -> 'type'
                    else jsonb_build_array(property.schema -> 'type')
                end) as t (name)
        ) as types
        where data ? property.key
          and property.schema ? 'type'
          and not jsonb_typeof(data -> property.key) = any (types.allowed)
          and not ('integer' = any (types.allowed)
                   and jsonb_typeof(data -> property.key) = 'number'
                   and (data ->> property.key)::numeric % 1 = 0)
    ) as p;
    if _problem is null and _validator is not null then
        execute format('select %s($1, $2)', _validator::regproc) into _valid using data_schema::json, data;
        if not _valid then
            _problem := 'event_data does not satisfy the type''s JSON Schema';
        end if;
    end if;
    return _problem;
end $$;
comment on function webhooks.schema_problem(jsonb, jsonb) is 'How data violates a JSON Schema, or null: required keys and types always, all of it with pg_jsonschema.';
revoke all on function webhooks.schema_problem(jsonb, jsonb) from public, anon, authenticated;

create or replace function webhooks.emit(
    event_type text,
    event_data jsonb,
    actor_user_id uuid,
    idempotency_key text,
    scope text
)
returns jsonb
language plpgsql
-- definer: the callers that may emit hold no privilege on the tables
security definer
set search_path = ''
as $$
declare
    _type public.webhook_event_types;
    _problem text;
    _request_id uuid := gen_random_uuid();
    _payload jsonb;
    _deliveries integer;
begin
    select t.* into _type from public.webhook_event_types as t where t.name = emit.event_type;
    if not found then
        raise exception 'unknown webhook event type "%"', coalesce(emit.event_type, 'null')
            using errcode = '22023', hint = 'The known types are in the table public.webhook_event_types.';
    end if;
    if _type.analytics_destination is not null then
        raise exception '"%" is an analytics event, not a webhook: send it to %', _type.name, _type.analytics_destination
            using errcode = '22023', hint = 'Webhook event types are in the table public.webhook_event_types.';
    end if;
    _problem := webhooks.schema_problem(_type.data_schema, emit.event_data);
    if _problem is not null then
        raise exception 'event_data of "%" is wrong: %', _type.name, _problem
            using errcode = '22023', hint = 'A right example: ' || _type.example::text;
    end if;

    _payload := jsonb_build_object(
        'event', _type.name,
        'timestamp', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'actor_user_id', emit.actor_user_id,
        'data', emit.event_data,
        'request_id', _request_id);
    perform webhooks.check_payload_size(_payload);

    if emit.idempotency_key is not null then
        insert into webhooks.idempotency_keys (scope, key, request_id)
        values (emit.scope, emit.idempotency_key, _request_id)
        on conflict do nothing;
        if not found then
            return (
                select jsonb_build_object('request_id', k.request_id, 'deliveries', k.deliveries)
                from webhooks.idempotency_keys as k
                where k.scope = emit.scope and k.key = emit.idempotency_key);
        end if;
    end if;

    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id)
    select c.id, _type.name, _payload, _request_id
    from public.webhook_configurations as c
    where c.is_active
      and c.events && array[_type.name, split_part(_type.name, '.', 1) || '.*', '*'];
    get diagnostics _deliveries = row_count;

    if emit.idempotency_key is not null then
        update webhooks.idempotency_keys as k
        set deliveries = _deliveries
        where k.scope = emit.scope and k.key = emit.idempotency_key;
    end if;
    return jsonb_build_object('request_id', _request_id, 'deliveries', _deliveries);
end $$;
comment on function webhooks.emit(text, jsonb, uuid, text, text) is 'Makes the deliveries of an event, for any actor. For server-side callers only.';
revoke all on function webhooks.emit(text, jsonb, uuid, text, text) from public, anon, authenticated;
grant execute on function webhooks.emit(text, jsonb, uuid, text, text) to service_role;

create or replace function webhooks.emit_as_user(
    event_type text,
    event_data jsonb,
    actor_user_id uuid,
    idempotency_key text
)
returns jsonb
language plpgsql
-- definer: users may not call webhooks.emit, which believes any actor
security definer
set search_path = ''
as $$
begin
    if auth.uid() is null then
        raise exception 'dispatch_webhook needs a signed-in user' using errcode = '42501';
    end if;
    if emit_as_user.actor_user_id <> auth.uid() then
        raise exception 'actor_user_id % is not the signed-in user', emit_as_user.actor_user_id
            using errcode = '42501', hint = 'Leave actor_user_id out, or pass your own user id.';
    end if;
    return webhooks.emit(
        emit_as_user.event_type, emit_as_user.event_data, emit_as_user.actor_user_id,
        emit_as_user.idempotency_key, auth.uid()::text);
end $$;
comment on function webhooks.emit_as_user(text, jsonb, uuid, text) is 'Makes the deliveries of an event for the signed-in user, whose own id alone may be the actor.';
revoke all on function webhooks.emit_as_user(text, jsonb, uuid, text) from public, anon, authenticated;
grant usage on schema webhooks to authenticated, service_role;
grant execute on function webhooks.emit_as_user(text, jsonb, uuid, text) to authenticated;

-- The first generation's function returned void; a return type cannot be changed in place.
-- squawk-ignore ban-drop-function
drop function if exists public.dispatch_webhook(text, jsonb, uuid);
create or replace function public.dispatch_webhook(
    event_type text,
    event_data jsonb,
    actor_user_id uuid default null,
    idempotency_key text default null
)
returns jsonb
language plpgsql
-- invoker: whether the caller holds webhooks.emit tells a user from a server-side caller. Inside a security
-- definer function, such as the platform's apply_referral_code, the caller is that function's owner.
security invoker
set search_path = ''
as $$
begin
    if has_function_privilege('webhooks.emit(text, jsonb, uuid, text, text)', 'execute') then
        return webhooks.emit(
            dispatch_webhook.event_type, dispatch_webhook.event_data, dispatch_webhook.actor_user_id,
            dispatch_webhook.idempotency_key, 'server');
    end if;
    return webhooks.emit_as_user(
        dispatch_webhook.event_type, dispatch_webhook.event_data, dispatch_webhook.actor_user_id,
        dispatch_webhook.idempotency_key);
end $$;
comment on function public.dispatch_webhook(text, jsonb, uuid, text) is 'Dispatches an event to every endpoint that subscribes to it. Returns {"request_id", "deliveries"}; a repeated idempotency_key returns the first answer and delivers nothing.';
revoke all on function public.dispatch_webhook(text, jsonb, uuid, text) from public, anon, authenticated;
grant execute on function public.dispatch_webhook(text, jsonb, uuid, text) to authenticated, service_role;
