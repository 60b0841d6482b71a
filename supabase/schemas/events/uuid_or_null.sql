create or replace function webhooks.uuid_or_null(value text)
returns uuid
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when value ~ '^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$' then value::uuid
    end
$$;
revoke all on function webhooks.uuid_or_null(text) from public, anon, authenticated, service_role;
