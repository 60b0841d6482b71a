create or replace function public.is_webhook_admin()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.second_factor_given()
        and (coalesce(webhooks.user_claims() -> 'app_metadata' ->> 'role' = 'admin', false) or webhooks.is_platform_admin())
$$;
comment on function public.is_webhook_admin() is 'Whether the calling user may see endpoints and deliveries: app_metadata.role or public.users.role is admin. Replace it to decide otherwise.';
revoke all on function public.is_webhook_admin() from public, anon, authenticated, service_role;
grant execute on function public.is_webhook_admin() to authenticated, service_role;
