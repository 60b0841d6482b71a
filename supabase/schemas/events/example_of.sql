-- The event catalog opens to other apps: one call adds a type with its schema, and an example if none is given.

create or replace function webhooks.example_of(schema jsonb, name text default 'value')
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
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
revoke all on function webhooks.example_of(jsonb, text) from public, anon, authenticated, service_role;
