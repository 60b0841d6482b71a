create or replace function webhooks.column_or_sql(source regclass, alias text, value text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce((
        select format('%I.%I', column_or_sql.alias, a.attname)
        from pg_catalog.pg_attribute as a
        where a.attrelid = column_or_sql.source and a.attname = column_or_sql.value and a.attnum > 0 and not a.attisdropped
    ), '(' || column_or_sql.value || ')')
$$;
comment on function webhooks.column_or_sql(regclass, text, text) is 'The SQL for a value given to webhook_attach: a column of the table, else SQL over new and old.';
revoke all on function webhooks.column_or_sql(regclass, text, text) from public, anon, authenticated, service_role;
