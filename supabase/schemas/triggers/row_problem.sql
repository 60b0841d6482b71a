create or replace function webhooks.row_problem(rows_sql text, query text, data_schema jsonb, made_up jsonb default null)
returns text
language plpgsql
-- invoker: it runs the caller's SQL
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _data jsonb[];
    _problem text;
begin
    -- the trigger's own query: these two stand for a statement's changed rows
    execute format('with new_rows as materialized (%s), old_rows as (select * from new_rows) select t.data from (%s) as t (data)',
                   row_problem.rows_sql, row_problem.query)
    into _data using row_problem.made_up;
    select coalesce(webhooks.payload_problem(d.data), webhooks.schema_problem(row_problem.data_schema, d.data)) into _problem
    from unnest(_data) as d (data)
    where webhooks.payload_problem(d.data) is not null or webhooks.schema_problem(row_problem.data_schema, d.data) is not null
    limit 1;
    return _problem;
exception when others then
    return sqlerrm;
end $$;
comment on function webhooks.row_problem(text, text, jsonb, jsonb) is 'Why a trigger''s query would emit no event for one of the given rows, or null.';
revoke all on function webhooks.row_problem(text, text, jsonb, jsonb) from public, anon, authenticated, service_role;
