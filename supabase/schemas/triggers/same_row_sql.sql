create or replace function webhooks.same_row_sql(source regclass, one text, other text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%2$I.%1$I = %3$I.%1$I', a.attname, same_row_sql.one, same_row_sql.other), ' and ' order by a.attnum)
    from pg_index as i
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    where i.indrelid = same_row_sql.source and i.indisprimary
$$;
comment on function webhooks.same_row_sql(regclass, text, text) is 'The SQL that is true when two rows have the same primary key; null without one.';
revoke all on function webhooks.same_row_sql(regclass, text, text) from public, anon, authenticated, service_role;
