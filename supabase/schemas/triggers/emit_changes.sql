create or replace function webhooks.emit_changes(
    source text,
    operation text,
    event_type text,
    identity text[],
    data jsonb[],
    actors uuid[],
    tenants text[] default null
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
-- nothing tells the planner how many rows an array holds: nested loops over 10,000 of them take 20 s
set enable_nestloop = off
set jit = off
as $$
declare
    _type public.webhook_event_types;
begin
    select t.* into _type from public.webhook_event_types as t where t.name = emit_changes.event_type;
    if not found or _type.analytics_destination is not null then
        raise exception 'webhook event type "%" is not in the catalog', emit_changes.event_type
            -- not caused by a row's data, so not of class 22
            using errcode = '42704', hint = 'Add it with public.webhook_define_event, or detach the trigger with public.webhook_detach.';
    end if;

    with endpoint as materialized (
        select c.id, c.tenant_id
        from public.webhook_configurations as c
        where c.is_active
          and c.events && array[_type.name, split_part(_type.name, '.', 1) || '.*', '*']
          and (c.tenant_id is null
               or (c.tenant_id = any (emit_changes.tenants) and _type.audience = 'customers'))
        order by c.id
        -- waits for an endpoint's deletion, and then leaves that one out: else the reference would fail every event
        for key share
    ),
    given as materialized (
        select e.data, e.actor, e.position, emit_changes.tenants[e.position] as tenant, gen_random_uuid() as request_id
        from unnest(emit_changes.data, emit_changes.actors) with ordinality as e (data, actor, position)
    ),
    bodies as materialized (
        select g.*, webhooks.payload(_type.name, g.data, g.actor, g.request_id) as payload from given as g
    ),
    checked as materialized (
        select b.*, coalesce(
                   case when length(b.tenant) not between 1 and 255 then 'its tenant_id must have 1 to 255 characters' end,
                   webhooks.payload_problem(b.payload), webhooks.schema_problem(_type.data_schema, b.data)) as problem
        from bodies as b
    ),
    refused as (
        -- one row that cannot be sent does not stop the others
        insert into public.webhook_trigger_errors (source, event_type, operation, events, code, message, data)
        select emit_changes.source, _type.name, emit_changes.operation, count(*), '22023',
               format('event_data of "%s" is wrong: %s', _type.name, c.problem),
               webhooks.kept_events(emit_changes.identity, array_agg(c.data order by c.position),
                                    array_agg(c.actor order by c.position), array_agg(c.tenant order by c.position))
        from checked as c
        where c.problem is not null
        group by c.problem
    ),
    keyed as materialized (
        select c.*, webhooks.change_key(_type.name, emit_changes.identity, c.data, c.actor) as key
        from checked as c
        where c.problem is null
    ),
    firsts as (
        select distinct on (c.key) c.key, c.request_id, c.actor, c.tenant,
               (select count(*) from endpoint as e where e.tenant_id is null) + coalesce(o.endpoints, 0) as deliveries
        from keyed as c
        left join (
            select e.tenant_id, count(*) as endpoints from endpoint as e where e.tenant_id is not null group by e.tenant_id
        ) as o on o.tenant_id = c.tenant
        order by c.key, c.position
    ),
    known as (
        -- the last change counts: leaving and joining again are two events
        insert into webhooks.idempotency_keys as k (scope, key, request_id, deliveries, actor_user_id, tenant_id)
        select webhooks.change_scope(), f.key, f.request_id, f.deliveries, f.actor, f.tenant
        from firsts as f
        order by f.key
        on conflict on constraint idempotency_keys_pkey do update
        set request_id = case when k.awaits_change and k.created_at = now() then k.request_id else excluded.request_id end,
            deliveries = case when k.awaits_change and k.created_at = now() then k.deliveries else excluded.deliveries end,
            actor_user_id = excluded.actor_user_id, tenant_id = excluded.tenant_id, awaits_change = false, created_at = now()
        returning k.key, k.request_id
    )
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id, tenant_id)
    select r.endpoint, _type.name, c.payload, c.request_id, c.tenant
    from keyed as c
    -- no row of known with that request_id: a server dispatched it before, in this transaction
    join firsts as f on f.key = c.key
    join known as k on k.key = f.key and k.request_id = f.request_id
    join (
        select g.position, e.id as endpoint from given as g cross join endpoint as e where e.tenant_id is null
        union all
        select g.position, e.id from given as g join endpoint as e on e.tenant_id = g.tenant
    ) as r on r.position = c.position
    order by c.position;
end $$;
comment on function webhooks.emit_changes(text, text, text, text[], jsonb[], uuid[], text[]) is 'Creates the deliveries of many events of one type by one statement, in the order given. A row that the catalog rejects is recorded in webhook_trigger_errors.';
revoke all on function webhooks.emit_changes(text, text, text, text[], jsonb[], uuid[], text[]) from public, anon, authenticated, service_role;
