create or replace function webhooks.is_customer()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.caller() = 'authenticated' and not webhooks.is_admin() and not webhooks.is_viewer(false)
$$;
comment on function webhooks.is_customer() is 'Whether the caller is a user of a tenant. In a function that has checked the access, that is a caller who is neither a server nor one of the app''s staff.';
revoke all on function webhooks.is_customer() from public, anon, authenticated, service_role;
