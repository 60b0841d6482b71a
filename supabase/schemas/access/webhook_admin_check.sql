create or replace function public.webhook_admin_check()
returns void
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.check_admin()
$$;
comment on function public.webhook_admin_check() is 'Raises an error unless the caller is a server or a webhook admin: for pages that read tables, where others would see no rows because of row level security.';
revoke all on function public.webhook_admin_check() from public, anon, authenticated, service_role;
grant execute on function public.webhook_admin_check() to authenticated, service_role;
