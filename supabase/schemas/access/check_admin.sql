create or replace function webhooks.check_admin()
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if webhooks.is_server() then
        return;
    end if;
    if current_user <> 'authenticated' or not webhooks.is_admin() then
        raise exception 'only webhook admins can do this'
            using errcode = '42501', hint = 'To add an admin, run: webhooks admins add EMAIL.';
    end if;
end $$;
comment on function webhooks.check_admin() is 'Raises 42501 unless the caller is a server or a signed-in webhook admin.';
revoke all on function webhooks.check_admin() from public, anon, authenticated, service_role;
grant execute on function webhooks.check_admin() to authenticated, service_role;
