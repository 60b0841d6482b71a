create or replace function webhooks.webhook_define_event(
    name text,
    description text,
    data_schema jsonb,
    example jsonb default null,
    users_may_dispatch boolean default false,
    audience text default null
)
returns text
language plpgsql
-- definer: behind public.webhook_define_event, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _example jsonb := webhook_define_event.example;
    _problem text;
begin
    if webhook_define_event.name is null or webhook_define_event.name !~ '^[a-z0-9_]+(\.[a-z0-9_]+)*$' then
        raise exception 'the event name "%" is not valid', webhook_define_event.name
            using errcode = '22023', hint = 'Name it in lower case, family first: order.paid';
    end if;
    if webhook_define_event.name ~ '^webhooks?\.' then
        raise exception 'the event name "%" is reserved: webhook.* and webhooks.* are this system''s own events', webhook_define_event.name
            using errcode = '22023', hint = 'Name it after what happens: order.paid';
    end if;
    if exists (select from public.webhook_event_types as t
               where t.name = webhook_define_event.name and t.analytics_destination is not null) then
        raise exception '"%" is an analytics event, not a webhook', webhook_define_event.name
            using errcode = '22023', hint = 'Choose another name.';
    end if;
    if webhook_define_event.data_schema ->> 'type' is distinct from 'object'
        or jsonb_typeof(coalesce(webhook_define_event.data_schema -> 'properties', '{}')) <> 'object'
        or jsonb_typeof(coalesce(webhook_define_event.data_schema -> 'required', '[]')) <> 'array' then
        raise exception 'data_schema of "%" is not a JSON Schema of an object', webhook_define_event.name
            using errcode = '22023',
                  hint = 'For example {"type": "object", "required": ["order_id"], "properties": {"order_id": {"type": "string"}}}';
    end if;
    if webhook_define_event.audience not in ('internal', 'customers') then
        raise exception 'the audience of "%" must be internal or customers, not "%"', webhook_define_event.name, webhook_define_event.audience
            using errcode = '22023', hint = 'customers: tenants can subscribe to it. internal: only the app can.';
    end if;
    perform webhooks.check_payload_size(webhook_define_event.data_schema);
    perform webhooks.check_payload_size(webhook_define_event.example);
    _example := coalesce(_example, webhooks.example_of(webhook_define_event.data_schema));
    _problem := webhooks.schema_problem(webhook_define_event.data_schema, _example);
    if _problem is not null then
        raise exception 'the example of "%" does not satisfy its data_schema: %', webhook_define_event.name, _problem
            using errcode = '22023', hint = 'Give an example that does, as the fourth argument.';
    end if;
    insert into public.webhook_event_types as t (name, description, data_schema, example, users_may_dispatch, audience)
    values (webhook_define_event.name, webhook_define_event.description, webhook_define_event.data_schema, _example,
            coalesce(webhook_define_event.users_may_dispatch, false), coalesce(webhook_define_event.audience, 'internal'))
    on conflict on constraint webhook_event_types_pkey do update
    set description = excluded.description, data_schema = excluded.data_schema, example = excluded.example,
        users_may_dispatch = excluded.users_may_dispatch, audience = coalesce(webhook_define_event.audience, t.audience);
    return webhook_define_event.name;
end $$;
comment on function webhooks.webhook_define_event(text, text, jsonb, jsonb, boolean, text) is 'Behind public.webhook_define_event.';
revoke all on function webhooks.webhook_define_event(text, text, jsonb, jsonb, boolean, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_define_event(text, text, jsonb, jsonb, boolean, text) to service_role;
