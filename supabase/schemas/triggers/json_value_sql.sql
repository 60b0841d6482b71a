create or replace function webhooks.json_value_sql(column_type oid, value text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when t.base = 'timestamptz'::regtype then
            -- in UTC whatever the session's time zone; infinity and years before 1 have no form of their own
            format($sql$case when %1$s between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00'
                then to_jsonb(to_char(%1$s at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
                else to_jsonb(%1$s at time zone 'utc') end$sql$, json_value_sql.value)
        -- JSON has no NaN and no infinity
        when t.base in ('numeric'::regtype, 'float4'::regtype, 'float8'::regtype) then
            format($sql$case when %1$s not in ('NaN', 'Infinity', '-Infinity') then %1$s end$sql$, json_value_sql.value)
        else json_value_sql.value
    end
    from (select webhooks.base_type(json_value_sql.column_type) as base) as t
$$;
comment on function webhooks.json_value_sql(oid, text) is 'The SQL for the form that a value has in an event.';
revoke all on function webhooks.json_value_sql(oid, text) from public, anon, authenticated, service_role;
