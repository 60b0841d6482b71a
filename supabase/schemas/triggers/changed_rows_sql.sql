create or replace function webhooks.changed_rows_sql(source regclass, operation text, keys_only boolean)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select format('select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(%s, ''user'', webhooks.user_sub()))) from %s',
        case
            when changed_rows_sql.keys_only then format('''row'', %s', (
                select webhooks.json_object_sql(array_agg(format('%L, %I.%I::text', a.attname, c.alias, a.attname) order by a.attnum))
                from pg_index as i
                join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
                where i.indrelid = changed_rows_sql.source and i.indisprimary))
            when changed_rows_sql.operation = 'update' then format('''new'', %s, ''old'', %s',
                webhooks.row_sql(changed_rows_sql.source, 'new'), webhooks.row_sql(changed_rows_sql.source, 'old'))
            else format('%L, %s', c.alias, webhooks.row_sql(changed_rows_sql.source, c.alias))
        end,
        case changed_rows_sql.operation
            when 'update' then 'new_rows as new join old_rows as old on ' || webhooks.same_row_sql(changed_rows_sql.source, 'new', 'old')
            else format('%1$s_rows as %1$s', c.alias)
        end)
    from (select case changed_rows_sql.operation when 'delete' then 'old' else 'new' end as alias) as c
$$;
comment on function webhooks.changed_rows_sql(regclass, text, boolean) is 'The SQL for what webhook_trigger_errors keeps of a statement''s rows: {"new", "old", "user"} each, or {"row", "user"} with the primary key.';
revoke all on function webhooks.changed_rows_sql(regclass, text, boolean) from public, anon, authenticated, service_role;
