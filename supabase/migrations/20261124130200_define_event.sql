-- The event catalog opens to other apps: one call adds a type with its schema, and an example if none is given.

create or replace function webhooks.example_of(schema jsonb, name text default 'value')
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
    _type text := case jsonb_typeof(schema -> 'type')
        when 'array' then (select t from jsonb_array_elements_text(schema -> 'type') as t where t <> 'null' limit 1)
        else schema ->> 'type'
    end;
begin
    return case
        when schema ? 'const' then schema -> 'const'
        when schema ? 'enum' then schema -> 'enum' -> 0
        when schema ? 'default' then schema -> 'default'
        when _type = 'object' then coalesce((
            select jsonb_object_agg(p.key, webhooks.example_of(p.value, p.key))
            from jsonb_each(schema -> 'properties') as p), '{}')
        when _type = 'array' then '[]'
        when _type in ('integer', 'number') then coalesce(schema -> 'minimum', '1')
        when _type = 'boolean' then 'true'
        when _type = 'null' then 'null'
        when _type is null then '{}'
        else case schema ->> 'format'
            when 'uuid' then '"6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11"'
            when 'date-time' then '"2026-01-29T12:34:56.789Z"'
            when 'date' then '"2026-01-29"'
            when 'time' then '"12:34:56Z"'
            when 'email' then '"ana@example.com"'
            when 'uri' then '"https://example.com/"'
            else to_jsonb(example_of.name)
        end
    end;
end $$;
comment on function webhooks.example_of(jsonb, text) is 'A value that satisfies a JSON Schema in all that webhooks.schema_problem checks without pg_jsonschema.';
revoke all on function webhooks.example_of(jsonb, text) from public, anon, authenticated;

create or replace function public.webhook_define_event(
    name text,
    description text,
    data_schema jsonb,
    example jsonb default null
)
returns text
language plpgsql
-- definer: the schema is checked by functions that service_role does not hold
security definer
set search_path = ''
as $$
declare
    _example jsonb := webhook_define_event.example;
    _problem text;
begin
    if webhook_define_event.name is null or webhook_define_event.name !~ '^[a-z0-9_]+(\.[a-z0-9_]+)*$' then
        raise exception 'the event name "%" is not valid', webhook_define_event.name
            using errcode = '22023', hint = 'Name it in lower case, family first: order.paid';
    end if;
    if starts_with(webhook_define_event.name, 'webhook.') then
        raise exception 'the event name "%" is reserved: webhook.* are this system''s own events', webhook_define_event.name
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
        raise exception 'data_schema of "%" is no JSON Schema of an object', webhook_define_event.name
            using errcode = '22023',
                  hint = 'For example {"type": "object", "required": ["order_id"], "properties": {"order_id": {"type": "string"}}}';
    end if;
    _example := coalesce(_example, webhooks.example_of(webhook_define_event.data_schema));
    _problem := webhooks.schema_problem(webhook_define_event.data_schema, _example);
    if _problem is not null then
        raise exception 'the example of "%" does not satisfy its data_schema: %', webhook_define_event.name, _problem
            using errcode = '22023', hint = 'Give an example that does, as the fourth argument.';
    end if;
    insert into public.webhook_event_types as t (name, description, data_schema, example)
    values (webhook_define_event.name, webhook_define_event.description, webhook_define_event.data_schema, _example)
    on conflict on constraint webhook_event_types_pkey do update
    set description = excluded.description, data_schema = excluded.data_schema, example = excluded.example;
    return webhook_define_event.name;
end $$;
comment on function public.webhook_define_event(text, text, jsonb, jsonb) is 'Adds an event type to the catalog, or changes it: its meaning, the JSON Schema of its data, and an example (made from the schema when none is given).';
revoke all on function public.webhook_define_event(text, text, jsonb, jsonb) from public, anon, authenticated;
grant execute on function public.webhook_define_event(text, text, jsonb, jsonb) to service_role;
