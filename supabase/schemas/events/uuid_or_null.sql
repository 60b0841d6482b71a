create or replace function webhooks.uuid_or_null(value text)
returns uuid
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when value ~ '^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$' then value::uuid
    end;
end $$;
revoke all on function webhooks.uuid_or_null(text) from public, anon, authenticated, service_role;
