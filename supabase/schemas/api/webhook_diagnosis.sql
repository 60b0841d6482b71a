create or replace function public.webhook_diagnosis()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_diagnosis();
end $$;
comment on function public.webhook_diagnosis() is 'For `webhooks doctor`: applied migrations, missing or surplus grants, tables without row level security, the clock.';
revoke all on function public.webhook_diagnosis() from public, anon, authenticated, service_role;
grant execute on function public.webhook_diagnosis() to service_role;
