create or replace function public.is_webhook_admin()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.has_admin_role()
$$;
comment on function public.is_webhook_admin() is 'Whether the calling user is a webhook admin. `webhooks admins add EMAIL` adds one (app_metadata.webhooks_role). Replace the function for a rule of your own; `webhooks doctor` checks what you write.';
revoke all on function public.is_webhook_admin() from public, anon, authenticated, service_role;
grant execute on function public.is_webhook_admin() to authenticated, service_role;
