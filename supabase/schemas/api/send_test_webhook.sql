create or replace function public.send_test_webhook(
    webhook_config_id uuid
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.send_test_webhook(send_test_webhook.webhook_config_id);
end $$;
comment on function public.send_test_webhook(uuid) is 'Creates one delivery of the event webhook.test for an endpoint.';
revoke all on function public.send_test_webhook(uuid) from public, anon, authenticated, service_role;
grant execute on function public.send_test_webhook(uuid) to authenticated, service_role;
