create or replace function webhooks.hides_payloads()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.caller() = 'authenticated' and not webhooks.is_admin()
        and webhooks.is_viewer(false) and not webhooks.is_viewer(true)
$$;
comment on function webhooks.hides_payloads() is 'Whether the caller is a viewer who sees no payloads and responses.';
revoke all on function webhooks.hides_payloads() from public, anon, authenticated, service_role;
