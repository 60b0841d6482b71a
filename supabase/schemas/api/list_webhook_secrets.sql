create or replace function public.list_webhook_secrets()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.list_webhook_secrets();
end $$;
comment on function public.list_webhook_secrets() is 'All secrets as they are stored, encrypted or not, for workers to encrypt: [{"webhook_config_id", "secret_key"}].';
revoke all on function public.list_webhook_secrets() from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_secrets() to service_role;
