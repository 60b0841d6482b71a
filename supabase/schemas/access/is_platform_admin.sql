create or replace function webhooks.is_platform_admin()
returns boolean
language plpgsql
stable
-- definer: the calling user may not be able to read the platform's table of users
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _is_admin boolean := false;
begin
    if webhooks.users_have_roles() then
        execute 'select exists (select from public.users as u where u.id::text = webhooks.user_sub() and u.role::text = ''admin'')'
        into _is_admin;
    end if;
    return _is_admin and webhooks.users_role_problem() is null;
end $$;
comment on function webhooks.is_platform_admin() is 'Whether public.users.role, where the app has such a column and no user can change it, says that the signed-in user is an admin.';
revoke all on function webhooks.is_platform_admin() from public, anon, authenticated, service_role;
grant execute on function webhooks.is_platform_admin() to authenticated, service_role;
