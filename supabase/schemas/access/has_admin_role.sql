create or replace function webhooks.has_admin_role()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        m.app_metadata ->> 'webhooks_role' = 'admin'
        or m.app_metadata ->> 'role' = 'admin'
        or (m.app_metadata is not null and webhooks.is_platform_admin()), false)
    from (select webhooks.app_metadata() as app_metadata) as m
$$;
comment on function webhooks.has_admin_role() is 'Whether app_metadata.webhooks_role, app_metadata.role or, where no user can change it, public.users.role is admin for the calling user.';
revoke all on function webhooks.has_admin_role() from public, anon, authenticated, service_role;
grant execute on function webhooks.has_admin_role() to authenticated, service_role;
