create or replace function webhooks.json_types(schema jsonb)
returns setof text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_array_elements_text(
        case jsonb_typeof(schema -> 'type') when 'array' then schema -> 'type' else jsonb_build_array(schema -> 'type') end)
$$;
comment on function webhooks.json_types(jsonb) is 'The types that a JSON Schema allows.';
revoke all on function webhooks.json_types(jsonb) from public, anon, authenticated, service_role;
