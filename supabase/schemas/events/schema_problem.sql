create or replace function webhooks.schema_problem(data_schema jsonb, data jsonb)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
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
                   and (data -> property.key)::numeric % 1 = 0)
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
revoke all on function webhooks.schema_problem(jsonb, jsonb) from public, anon, authenticated, service_role;
