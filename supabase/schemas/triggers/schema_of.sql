-- Any table's changes as typed events, with one call and without PL/pgSQL: webhook_attach and webhook_detach.

create or replace function webhooks.schema_of(column_type oid, nullable boolean)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when shape.json = '{}' or not schema_of.nullable then shape.json
        else shape.json || jsonb_build_object('type', jsonb_build_array(shape.json -> 'type', 'null'))
    end
    from (
        select case
            when t.typtype = 'd' then webhooks.schema_of(t.typbasetype, false)
            when t.typsubscript = 'array_subscript_handler'::regproc then
                jsonb_build_object('type', 'array', 'items', webhooks.schema_of(t.typelem, true))
            -- an extension's cast decides the form, such as hstore's
            when t.typname in ('json', 'jsonb') or exists (
                select from pg_catalog.pg_cast as c
                where c.castsource = t.oid and c.casttarget in ('json'::regtype, 'jsonb'::regtype) and c.castmethod = 'f'
            ) then '{}'
            when t.typtype = 'c' or t.oid = 'record'::regtype then '{"type": "object"}'
            when t.typname = 'bool' then '{"type": "boolean"}'
            when t.typname in ('int2', 'int4', 'int8') then '{"type": "integer"}'
            when t.typname in ('numeric', 'float4', 'float8') then '{"type": "number"}'
            when t.typname = 'uuid' then '{"type": "string", "format": "uuid"}'
            when t.typname = 'timestamptz' then '{"type": "string", "format": "date-time"}'
            when t.typname = 'date' then '{"type": "string", "format": "date"}'
            -- an enum's values are left out: more may be added
            else '{"type": "string"}'
        end::jsonb as json
        from pg_catalog.pg_type as t
        where t.oid = schema_of.column_type
    ) as shape
$$;
comment on function webhooks.schema_of(oid, boolean) is 'The JSON Schema of what a Postgres type becomes as JSON.';
revoke all on function webhooks.schema_of(oid, boolean) from public, anon, authenticated, service_role;
