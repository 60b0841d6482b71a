create or replace function webhooks.row_sql(source regclass, alias text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- as text, which jsonb_populate_record reads back for every type; JSON as itself
    select webhooks.json_object_sql(array_agg(
        format('%L, %I.%I', a.attname, row_sql.alias, a.attname) || case
            when webhooks.base_type(a.atttypid) in ('json'::regtype, 'jsonb'::regtype) then '' else '::text'
        end order by a.attnum))
    from pg_attribute as a
    where a.attrelid = row_sql.source and a.attnum > 0 and not a.attisdropped
$$;
comment on function webhooks.row_sql(regclass, text) is 'The SQL for a table''s row as JSON, from which it can be built again.';
revoke all on function webhooks.row_sql(regclass, text) from public, anon, authenticated, service_role;
