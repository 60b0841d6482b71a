create or replace function public.webhook_admins(email text default null)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_admins(webhook_admins.email);
end $$;
comment on function public.webhook_admins(text) is 'For `webhooks admins`: the accounts that app_metadata or public.users.role name as admins or viewers, and whether that counts; or the account with this address.';
revoke all on function public.webhook_admins(text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_admins(text) to service_role;
