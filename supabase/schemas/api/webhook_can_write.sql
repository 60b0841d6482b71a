create or replace function public.webhook_can_write()
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_can_write();
end $$;
comment on function public.webhook_can_write() is 'Attempts a write: {"writable", "why"}.';
revoke all on function public.webhook_can_write() from public, anon, authenticated, service_role;
grant execute on function public.webhook_can_write() to service_role;
