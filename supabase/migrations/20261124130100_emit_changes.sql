-- One statement's changed rows become events by one insert, in the same transaction, and an error on the way never
-- fails the change. A dispatch_webhook of a fact that a trigger emitted already gets that event's answer.

create or replace function webhooks.change_key(event_type text, identity text[], data jsonb, actor_user_id uuid)
returns text
language sql
immutable
set search_path = ''
as $$
    select change_key.event_type || ':' || encode(sha256(convert_to(string_agg(
        case
            when part.name = '@actor' then coalesce(change_key.actor_user_id::text, 'null')
            -- a caller may write a uuid in upper case
            else coalesce(webhooks.uuid_or_null(change_key.data ->> part.name)::text,
                          (change_key.data -> part.name)::text, 'null')
        end, chr(10) order by part.position), 'UTF8')), 'hex')
    from unnest(change_key.identity) with ordinality as part (name, position)
$$;
comment on function webhooks.change_key(text, text[], jsonb, uuid) is 'The deterministic idempotency key of a change: event type, and a hash of the values that tell it from another.';
revoke all on function webhooks.change_key(text, text[], jsonb, uuid) from public, anon, authenticated;

create or replace function webhooks.emitted_by_change(event_type text, event_data jsonb, actor_user_id uuid, scope text)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
    _user uuid := webhooks.uuid_or_null(emitted_by_change.scope);
    _sources text;
    _answer jsonb;
begin
    with attached as (
        select t.source, t.identity
        from public.webhook_triggers as t
        where t.event_type = emitted_by_change.event_type
          -- a trigger that was dropped or disabled emits nothing
          and exists (select from pg_catalog.pg_trigger as g
                      where g.tgrelid = t.source and g.tgname = t.trigger_name and g.tgenabled in ('O', 'A'))
    )
    select (select string_agg(distinct a.source::text, ', ') from attached as a), (
        select jsonb_build_object('request_id', k.request_id, 'deliveries', k.deliveries)
        from attached as a
        join webhooks.idempotency_keys as k
            on k.scope = 'change'
            and k.key = webhooks.change_key(emitted_by_change.event_type, a.identity, emitted_by_change.event_data,
                                            coalesce(emitted_by_change.actor_user_id, _user))
        where not k.awaits_change
          and (_user is null or k.actor_user_id is null or k.actor_user_id = _user)
        order by k.created_at desc
        limit 1)
    into _sources, _answer;
    if _sources is not null and _answer is null and _user is not null then
        raise exception '"%" is emitted by the database itself when % changes, and no such change of yours is known',
            emitted_by_change.event_type, _sources
            using errcode = '22023', hint = 'Drop the call; or call it after the change, with the ids of the changed row.';
    end if;
    return _answer;
end $$;
comment on function webhooks.emitted_by_change(text, jsonb, uuid, text) is 'The answer of the event that a trigger emitted for a fact, or null. A user''s dispatch of a fact that did not happen is an error, a server''s is believed.';
revoke all on function webhooks.emitted_by_change(text, jsonb, uuid, text) from public, anon, authenticated;

create or replace function webhooks.payload(event_type text, event_data jsonb, actor_user_id uuid, request_id uuid)
returns jsonb
language sql
volatile
set search_path = ''
as $$
    select jsonb_build_object(
        'event', payload.event_type,
        'timestamp', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'actor_user_id', payload.actor_user_id,
        'data', payload.event_data,
        'request_id', payload.request_id)
$$;
comment on function webhooks.payload(text, jsonb, uuid, uuid) is 'The body of an event, in the one form that all receivers know.';
revoke all on function webhooks.payload(text, jsonb, uuid, uuid) from public, anon, authenticated;

-- As in 20261124090300, but for what concerns changes.
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
    _answer jsonb;
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
    -- the same fact, emitted by its trigger already
    _answer := webhooks.emitted_by_change(_type.name, emit.event_data, emit.actor_user_id, emit.scope);
    if _answer is not null then
        return _answer;
    end if;

    _payload := webhooks.payload(_type.name, emit.event_data, emit.actor_user_id, _request_id);
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
    -- a server may dispatch first and change the table then: the trigger must know
    insert into webhooks.idempotency_keys as k (scope, key, request_id, deliveries, actor_user_id, awaits_change)
    select distinct 'change', webhooks.change_key(_type.name, t.identity, emit.event_data, emit.actor_user_id),
           _request_id, _deliveries, emit.actor_user_id, true
    from public.webhook_triggers as t
    where t.event_type = _type.name
    on conflict on constraint idempotency_keys_pkey do update
    set request_id = excluded.request_id, deliveries = excluded.deliveries, created_at = now()
    where k.awaits_change;
    return jsonb_build_object('request_id', _request_id, 'deliveries', _deliveries);
end $$;

create or replace function webhooks.emit_changes(
    source text,
    operation text,
    event_type text,
    identity text[],
    data jsonb[],
    actors uuid[]
)
returns void
language plpgsql
set search_path = ''
-- nothing tells the planner how many rows an array holds: nested loops over 10,000 of them take 20 s
set enable_nestloop = off
set jit = off
as $$
declare
    _type public.webhook_event_types;
    _endpoints uuid[];
begin
    select t.* into _type from public.webhook_event_types as t where t.name = emit_changes.event_type;
    if not found or _type.analytics_destination is not null then
        raise exception 'webhook event type "%" is not in the catalog', emit_changes.event_type
            using errcode = '22023', hint = 'Add it with public.webhook_define_event, or detach the trigger with public.webhook_detach.';
    end if;
    select coalesce(array_agg(c.id), '{}') into _endpoints
    from public.webhook_configurations as c
    where c.is_active
      and c.events && array[_type.name, split_part(_type.name, '.', 1) || '.*', '*'];

    with given as materialized (
        select e.data, e.actor, e.position, gen_random_uuid() as request_id,
               webhooks.schema_problem(_type.data_schema, e.data) as problem,
               webhooks.change_key(_type.name, emit_changes.identity, e.data, e.actor) as key
        from unnest(emit_changes.data, emit_changes.actors) with ordinality as e (data, actor, position)
    ),
    bodies as materialized (
        select g.*, webhooks.payload(_type.name, g.data, g.actor, g.request_id) as payload from given as g
    ),
    checked as materialized (
        -- one row that cannot be sent does not stop the others
        select b.*, coalesce(b.problem, case
            when octet_length(b.payload::text) > 262144 then 'the payload is larger than 262144 bytes (256 KB)'
        end) as refusal
        from bodies as b
    ),
    refused as (
        insert into public.webhook_trigger_errors (source, event_type, operation, events, code, message)
        select emit_changes.source, _type.name, emit_changes.operation, count(*), '22023',
               format('event_data of "%s" is wrong: %s', _type.name, c.refusal)
        from checked as c
        where c.refusal is not null
        group by c.refusal
    ),
    firsts as (
        select distinct on (c.key) c.key, c.request_id, c.actor
        from checked as c
        where c.refusal is null
        order by c.key, c.position
    ),
    known as (
        -- the last change counts: whoever leaves and joins again makes two events
        insert into webhooks.idempotency_keys as k (scope, key, request_id, deliveries, actor_user_id)
        select 'change', f.key, f.request_id, cardinality(_endpoints), f.actor
        from firsts as f
        order by f.key
        on conflict on constraint idempotency_keys_pkey do update
        set request_id = case when k.awaits_change and k.created_at = now() then k.request_id else excluded.request_id end,
            deliveries = case when k.awaits_change and k.created_at = now() then k.deliveries else excluded.deliveries end,
            actor_user_id = excluded.actor_user_id, awaits_change = false, created_at = now()
        returning k.key, k.request_id
    )
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id)
    select endpoint.id, _type.name, c.payload, c.request_id
    from checked as c
    -- no row of known with that request_id: a server dispatched it before, in this transaction
    join firsts as f on f.key = c.key
    join known as k on k.key = f.key and k.request_id = f.request_id
    cross join unnest(_endpoints) as endpoint (id)
    where c.refusal is null
    order by c.position;
end $$;
comment on function webhooks.emit_changes(text, text, text, text[], jsonb[], uuid[]) is 'Makes the deliveries of many events of one type by one statement, in the order given. A row that the catalog refuses is recorded in webhook_trigger_errors.';
revoke all on function webhooks.emit_changes(text, text, text, text[], jsonb[], uuid[]) from public, anon, authenticated;

create or replace function webhooks.record_trigger_error(
    source text,
    operation text,
    event_type text,
    events integer,
    code text,
    message text,
    context text
)
returns void
language plpgsql
set search_path = ''
as $$
begin
    insert into public.webhook_trigger_errors (source, operation, event_type, events, code, message, context)
    values (record_trigger_error.source, record_trigger_error.operation, record_trigger_error.event_type,
            record_trigger_error.events, record_trigger_error.code, left(record_trigger_error.message, 1000),
            left(record_trigger_error.context, 1000));
exception when others then
    -- the last resort; without the message, which may repeat what a user wrote
    raise warning 'webhook events of % are lost (SQLSTATE %), and public.webhook_trigger_errors takes no row (SQLSTATE %)',
        record_trigger_error.source, record_trigger_error.code, sqlstate;
end $$;
comment on function webhooks.record_trigger_error(text, text, text, integer, text, text, text) is 'Keeps an error of a webhook trigger for the dashboard. Never fails.';
revoke all on function webhooks.record_trigger_error(text, text, text, integer, text, text, text) from public, anon, authenticated;

-- No variable here has the type of a table of ours: a missing one would fail when the function is compiled, before
-- the block that catches errors begins.
create or replace function webhooks.on_change()
returns trigger
language plpgsql
-- definer: the user who changes the table holds no privilege on ours, and may not see the tables that data comes from
security definer
set search_path = ''
-- whoever alters one of our tables makes the events wait no longer than this, and then fail; not the users
set lock_timeout = '2s'
as $$
declare
    _trigger record;
    _event_type text;
    _data jsonb[];
    _actors uuid[];
    _message text;
    _context text;
begin
    select t.* into strict _trigger
    from public.webhook_triggers as t
    where t.source = tg_relid and t.trigger_name = tg_name;
    _event_type := _trigger.event_type;
    execute _trigger.query into _data, _actors;
    if _data is not null then
        perform webhooks.emit_changes(
            format('%I.%I', tg_table_schema, tg_table_name), lower(tg_op), _event_type, _trigger.identity, _data, _actors);
    end if;
    return null;
exception when others then
    get stacked diagnostics _message = message_text, _context = pg_exception_context;
    perform webhooks.record_trigger_error(
        format('%I.%I', tg_table_schema, tg_table_name), lower(tg_op), _event_type, cardinality(_data), sqlstate,
        case sqlstate when 'P0002' then format('trigger %I has no row in public.webhook_triggers; attach it again', tg_name)
        else _message end, _context);
    return null;
end $$;
comment on function webhooks.on_change() is 'The trigger of webhook_attach: emits an event for each changed row of a statement. Never fails the statement.';
revoke all on function webhooks.on_change() from public, anon, authenticated;
