create or replace function public.webhook_admin_write(
    action text,
    arguments jsonb,
    idempotency_key text default null,
    api_token uuid default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    if webhook_admin_write.api_token is not null then
        perform webhooks.check_server();
    end if;
    return webhooks.webhook_admin_write(
        webhook_admin_write.action,
        webhook_admin_write.arguments,
        webhook_admin_write.idempotency_key,
        webhook_admin_write.api_token);
end $$;
comment on function public.webhook_admin_write(text, jsonb, text, uuid) is 'A write of the admin API: create_endpoint, update_endpoint, rotate_secret, send_test, retry, replay, dispatch, create_token or revoke_token. A repeated idempotency_key within a day returns the first result, without its secret, and does nothing. api_token: the id of the API token for which the gateway writes.';
revoke all on function public.webhook_admin_write(text, jsonb, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.webhook_admin_write(text, jsonb, text, uuid) to authenticated, service_role;
