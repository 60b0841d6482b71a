create or replace function public.webhook_admin_write(
    action text,
    arguments jsonb,
    idempotency_key text default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.webhook_admin_write(
        webhook_admin_write.action,
        webhook_admin_write.arguments,
        webhook_admin_write.idempotency_key);
end $$;
comment on function public.webhook_admin_write(text, jsonb, text) is 'A write of the admin API: create_endpoint, update_endpoint, rotate_secret, send_test, retry, replay or dispatch. A repeated idempotency_key within a day returns the first result, without its secret, and does nothing.';
revoke all on function public.webhook_admin_write(text, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_admin_write(text, jsonb, text) to authenticated, service_role;
