create or replace function webhooks.rows_sql(source regclass, relation text, alias text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- a trigger's rows hold null for virtual columns (Postgres 18): they are computed from their expressions
    select format(case when bool_or(a.attgenerated = 'v') then '(select %1$s from %2$s) as %3$I' else '%2$s as %3$I' end,
        string_agg(case
            when a.attgenerated = 'v' then format('(%s) as %I', pg_get_expr(d.adbin, d.adrelid), a.attname)
            else format('%I', a.attname)
        end, ', ' order by a.attnum), rows_sql.relation, rows_sql.alias)
    from pg_attribute as a
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = rows_sql.source and a.attnum > 0 and not a.attisdropped
$$;
comment on function webhooks.rows_sql(regclass, text, text) is 'The SQL for a statement''s changed rows, as the table would show them.';
revoke all on function webhooks.rows_sql(regclass, text, text) from public, anon, authenticated, service_role;
