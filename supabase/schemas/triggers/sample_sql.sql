create or replace function webhooks.sample_sql(source text, columns text[], actor text)
returns text
language plpgsql
stable
-- definer: behind public.webhook_sample_events, which checks the caller; it reads the catalog, and no row
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _table regclass;
    _missing text;
    _data text;
    _actor text := 'null';
    _order text;
begin
    select (t.one ->> 'table')::regclass into _table
    from jsonb_array_elements(webhooks.webhook_tables()) as t (one)
    where t.one ->> 'table' = sample_sql.source;
    if _table is null then
        raise exception 'the table "%" does not exist, or cannot be attached', sample_sql.source
            using errcode = 'PT404', hint = 'webhook_tables returns those that can.';
    end if;
    if not exists (select from unnest(sample_sql.columns) as g (name) where g.name is not null) then
        raise exception 'a sample needs columns' using errcode = '22023', hint = 'For example {id,name}.';
    end if;
    select min(g.name) into _missing
    from unnest(sample_sql.columns || sample_sql.actor) as g (name)
    where not exists (
        select from pg_attribute as a
        where a.attrelid = _table and a.attname = g.name and a.attnum > 0 and not a.attisdropped);
    if _missing is not null then
        raise exception 'the table % has no column "%"', _table, _missing using errcode = '22023';
    end if;
    select webhooks.json_object_sql(array_agg(
        format('%L, %s', a.attname, webhooks.json_value_sql(a.atttypid, format('r.%I', a.attname))) order by a.attnum))
    into _data
    from pg_attribute as a
    where a.attrelid = _table and a.attname = any (sample_sql.columns) and a.attnum > 0 and not a.attisdropped;
    if sample_sql.actor is not null then
        _actor := format('r.%I', sample_sql.actor);
    end if;
    -- newest first, as webhook_attach checks them
    select ' order by ' || string_agg(format('r.%I desc', a.attname), ', ' order by array_position(i.indkey::int2[], a.attnum))
    into _order
    from pg_index as i
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    where i.indrelid = _table and i.indisprimary;
    return format('select jsonb_build_object(''data'', %s, ''actor'', %s) from %s as r%s limit 3', _data, _actor, _table, _order);
end $$;
comment on function webhooks.sample_sql(text, text[], text) is 'The SQL for the last rows of a table as events: three at most, each {"data", "actor"}.';
revoke all on function webhooks.sample_sql(text, text[], text) from public, anon, authenticated, service_role;
grant execute on function webhooks.sample_sql(text, text[], text) to authenticated, service_role;
