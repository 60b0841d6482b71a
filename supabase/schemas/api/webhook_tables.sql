create or replace function public.webhook_tables()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.webhook_tables();
end $$;
comment on function public.webhook_tables() is 'The app''s tables that webhook_attach could turn into events: those of public, and auth.users, with the names and types of their columns, and no row.';
revoke all on function public.webhook_tables() from public, anon, authenticated, service_role;
grant execute on function public.webhook_tables() to authenticated, service_role;
