create or replace function public.stop_webhook_listener(listener uuid)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.stop_webhook_listener(stop_webhook_listener.listener);
end $$;
comment on function public.stop_webhook_listener(uuid) is 'Deletes a listener of the caller''s, with its endpoint and its deliveries. Call it until more is false. Returns {"id", "deliveries", "more"}.';
revoke all on function public.stop_webhook_listener(uuid) from public, anon, authenticated, service_role;
grant execute on function public.stop_webhook_listener(uuid) to authenticated, service_role;
