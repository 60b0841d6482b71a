create or replace function public.replace_webhook_secret(
    webhook_config_id uuid,
    stored text,
    sealed text
)
returns boolean
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.replace_webhook_secret(
        replace_webhook_secret.webhook_config_id,
        replace_webhook_secret.stored,
        replace_webhook_secret.sealed);
end $$;
comment on function public.replace_webhook_secret(uuid, text, text) is 'Stores a secret in another form, if it is still as it was read.';
revoke all on function public.replace_webhook_secret(uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function public.replace_webhook_secret(uuid, text, text) to service_role;
