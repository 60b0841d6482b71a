create or replace function webhooks.stop_webhook_listener(listener uuid)
returns jsonb
language plpgsql
-- definer: behind public.stop_webhook_listener, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.lock_listener(stop_webhook_listener.listener);
    return webhooks.delete_webhook_endpoint(stop_webhook_listener.listener);
end $$;
comment on function webhooks.stop_webhook_listener(uuid) is 'Behind public.stop_webhook_listener.';
revoke all on function webhooks.stop_webhook_listener(uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.stop_webhook_listener(uuid) to authenticated, service_role;
