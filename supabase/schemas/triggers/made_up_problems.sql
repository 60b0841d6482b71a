-- Possible rows: an existing one, with a null, long or unusual value in one column after another.
create or replace function webhooks.made_up_problems(source regclass, columns name[], query text, data_schema jsonb)
returns setof text
language plpgsql
-- invoker: it runs the caller's SQL
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _rows text := format('select r.* from jsonb_populate_record(null::%s, $1) as r', made_up_problems.source);
    _possible text;
    _usual jsonb;
    _usual_problem text;
    _column record;
    _value jsonb;
    _row jsonb;
    _possible_row boolean;
    _problem text;
begin
    select coalesce(string_agg(format('(%s) is not false', pg_get_expr(c.conbin, c.conrelid)), ' and '), 'true') into _possible
    from pg_constraint as c
    where c.conrelid = made_up_problems.source and c.contype = 'c';
    execute format('select %s from %s as r limit 1', webhooks.row_sql(made_up_problems.source, 'r'), made_up_problems.source)
    into _usual;
    if _usual is null then
        select jsonb_object_agg(a.attname, case
            when webhooks.base_type(a.atttypid) in ('json'::regtype, 'jsonb'::regtype) then '{}'
            else to_jsonb((webhooks.made_up_values(a.atttypid, a.atttypmod))[1])
        end) into _usual
        from pg_attribute as a
        where a.attrelid = made_up_problems.source and a.attnum > 0 and not a.attisdropped;
    end if;
    _usual_problem := webhooks.row_problem(_rows, made_up_problems.query, made_up_problems.data_schema, _usual);
    for _column in
        select a.attname, a.attnotnull, a.atttypid, a.atttypmod,
               webhooks.base_type(a.atttypid) in ('json'::regtype, 'jsonb'::regtype) as is_json
        from pg_attribute as a
        where a.attrelid = made_up_problems.source and a.attname = any (made_up_problems.columns) and a.attgenerated = ''
          -- its values are those of another table
          and not exists (select from pg_constraint as c
                          where c.conrelid = a.attrelid and c.contype = 'f' and a.attnum = any (c.conkey))
        order by a.attnum
    loop
        for _value in
            select 'null'::jsonb where not _column.attnotnull
            union all
            select case when _column.is_json then v.value::jsonb else to_jsonb(v.value) end
            from unnest(webhooks.made_up_values(_column.atttypid, _column.atttypmod)) as v (value)
        loop
            _row := _usual || jsonb_build_object(_column.attname, _value);
            begin
                execute format('select %s from (%s) as t', _possible, _rows) into _possible_row using _row;
            exception when others then
                -- no value of this column
                _possible_row := false;
            end;
            continue when _possible_row is not true;
            _problem := webhooks.row_problem(_rows, made_up_problems.query, made_up_problems.data_schema, _row);
            if _problem is distinct from _usual_problem and _problem is not null then
                return next format('%I = %s: %s', _column.attname, left(_value #>> '{}', 40), _problem);
            end if;
        end loop;
    end loop;
end $$;
comment on function webhooks.made_up_problems(regclass, name[], text, jsonb) is 'Possible values of rows for which a trigger''s query could not emit an event.';
revoke all on function webhooks.made_up_problems(regclass, name[], text, jsonb) from public, anon, authenticated, service_role;
