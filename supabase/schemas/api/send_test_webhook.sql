create or replace function public.send_test_webhook(
    webhook_config_id uuid,
    event_type text default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => send_test_webhook.webhook_config_id);
    return webhooks.send_test_webhook(send_test_webhook.webhook_config_id, send_test_webhook.event_type);
end $$;
comment on function public.send_test_webhook(uuid, text) is 'Creates one delivery for an endpoint: of the event webhook.test, or of the example of an event type.';
revoke all on function public.send_test_webhook(uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.send_test_webhook(uuid, text) to authenticated, service_role;
