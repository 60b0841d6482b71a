create or replace function public.webhook_admin_check()
returns void
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.check_admin()
$$;
comment on function public.webhook_admin_check() is 'Raises an error unless a server or a webhook admin asks: for pages that read tables, where row level security would show others nothing.';
revoke all on function public.webhook_admin_check() from public, anon, authenticated, service_role;
grant execute on function public.webhook_admin_check() to authenticated, service_role;
