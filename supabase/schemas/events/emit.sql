-- Dispatch: an event becomes one pending delivery for each endpoint that subscribes to it, in the caller's own
-- transaction, by one insert whatever their number.
create or replace function webhooks.emit(
    event_type text,
    event_data jsonb,
    actor_user_id uuid,
    idempotency_key text,
    scope text,
    user_sub text default null,
    tenant_id text default null
)
returns jsonb
language plpgsql
-- definer: the callers that may emit hold no privilege on the tables
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _type public.webhook_event_types;
    _problem text;
    _request_id uuid := gen_random_uuid();
    _payload jsonb;
    _answer jsonb;
    _deliveries integer;
    _attached boolean;
    -- as JSON, so that a tenant's keys never meet another's, whatever the ids are
    _scope text := case
        when emit.tenant_id is null then emit.scope
        else jsonb_build_array(emit.scope, emit.tenant_id)::text
    end;
begin
    if length(emit.tenant_id) not between 1 and 255 then
        raise exception 'a tenant_id has 1 to 255 characters'
            using errcode = '22023', hint = 'Leave it out for an event of the app itself.';
    end if;
    select t.* into _type from public.webhook_event_types as t where t.name = emit.event_type;
    if not found then
        raise exception 'unknown webhook event type "%"', coalesce(emit.event_type, 'null')
            using errcode = '22023', hint = 'The known types are in the table public.webhook_event_types.';
    end if;
    if _type.analytics_destination is not null then
        raise exception '"%" is an analytics event, not a webhook: send it to %', _type.name, _type.analytics_destination
            using errcode = '22023', hint = 'Webhook event types are in the table public.webhook_event_types.';
    end if;
    -- first of all: what follows turns parts of it into text
    perform webhooks.check_payload_size(emit.event_data);
    _problem := webhooks.schema_problem(_type.data_schema, emit.event_data);
    if _problem is not null then
        raise exception 'event_data of "%" is wrong: %', _type.name, _problem
            using errcode = '22023', hint = 'Example: ' || _type.example::text;
    end if;
    _attached := exists (select from public.webhook_triggers as t where t.event_type = _type.name);
    if _attached then
        -- the same event, already emitted by its trigger
        _answer := webhooks.emitted_by_change(_type.name, emit.event_data, emit.actor_user_id, emit.user_sub);
        if _answer is not null then
            return _answer;
        end if;
    end if;

    _payload := webhooks.payload(_type.name, emit.event_data, emit.actor_user_id, _request_id);
    -- the rest of the payload adds some hundred bytes to what was checked
    if pg_column_size(_payload) > 65536 then
        perform webhooks.check_payload_size(_payload);
    end if;

    if emit.idempotency_key is not null then
        insert into webhooks.idempotency_keys (scope, key, request_id)
        values (_scope, emit.idempotency_key, _request_id)
        on conflict do nothing;
        if not found then
            return (
                select jsonb_build_object('request_id', k.request_id, 'deliveries', k.deliveries)
                from webhooks.idempotency_keys as k
                where k.scope = _scope and k.key = emit.idempotency_key);
        end if;
    end if;

    -- complete and checked: the table's own trigger need not check each row
    perform set_config('webhooks.emitting', 'on', true);
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id, actor_id, tenant_id)
    select c.id, _type.name, _payload, _request_id, coalesce(emit.actor_user_id::text, emit.user_sub), emit.tenant_id
    from public.webhook_configurations as c
    where c.is_active
      and c.events && array[_type.name, split_part(_type.name, '.', 1) || '.*', '*']
      -- the app's own endpoints, and those of the tenant whose event it is
      and (c.tenant_id is null or (c.tenant_id = emit.tenant_id and _type.audience = 'customers'))
    order by c.id
    -- waits for an endpoint's deletion, and then leaves that one out: else the reference would fail the whole event
    for key share;
    get diagnostics _deliveries = row_count;
    perform set_config('webhooks.emitting', 'off', true);

    if emit.idempotency_key is not null then
        update webhooks.idempotency_keys as k
        set deliveries = _deliveries
        where k.scope = _scope and k.key = emit.idempotency_key;
    end if;
    if _attached then
        -- a server may dispatch first and change the table then: the trigger must know
        insert into webhooks.idempotency_keys as k (scope, key, request_id, deliveries, actor_user_id, awaits_change)
        select distinct webhooks.change_scope(),
               webhooks.change_key(_type.name, t.identity, emit.event_data, emit.actor_user_id),
               _request_id, _deliveries, emit.actor_user_id, true
        from public.webhook_triggers as t
        where t.event_type = _type.name
        on conflict on constraint idempotency_keys_pkey do update
        set request_id = excluded.request_id, deliveries = excluded.deliveries, created_at = now()
        where k.awaits_change;
    end if;
    return jsonb_build_object('request_id', _request_id, 'deliveries', _deliveries);
end $$;
comment on function webhooks.emit(text, jsonb, uuid, text, text, text, text) is 'Creates the deliveries of an event, for any actor. For server-side callers only.';
revoke all on function webhooks.emit(text, jsonb, uuid, text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.emit(text, jsonb, uuid, text, text, text, text) to service_role;
