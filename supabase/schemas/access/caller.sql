-- Who may use the admin functions, and a log of their actions.

create or replace function webhooks.caller()
returns text
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- inside a security definer function current_user is its owner; the setting still names the caller
    return case current_setting('role') when 'none' then session_user::text else current_setting('role') end;
end $$;
comment on function webhooks.caller() is 'The database role that the request runs as, even inside a security definer function.';
revoke all on function webhooks.caller() from public, anon, authenticated, service_role;
grant execute on function webhooks.caller() to authenticated, service_role;
