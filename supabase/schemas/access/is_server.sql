create or replace function webhooks.is_server()
returns boolean
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
-- invoker: current_user is the caller; inside a definer function of the app, such as apply_referral_code, its owner
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    -- by role and not by grants, which a dump and restore into a new project hands out to everyone
    return pg_has_role(current_user, 'service_role', 'usage')
        or pg_has_role(current_user, (select n.nspowner from pg_namespace as n where n.nspname = 'webhooks'), 'usage');
end $$;
comment on function webhooks.is_server() is 'Whether the caller is server-side: service_role, the owner of this schema, or a role that inherits from them.';
revoke all on function webhooks.is_server() from public, anon, authenticated, service_role;
grant execute on function webhooks.is_server() to authenticated, service_role;
