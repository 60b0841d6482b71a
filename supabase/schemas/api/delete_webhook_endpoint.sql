create or replace function public.delete_webhook_endpoint(webhook_config_id uuid, keep_history boolean default false)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => delete_webhook_endpoint.webhook_config_id);
    return webhooks.delete_webhook_endpoint(
        delete_webhook_endpoint.webhook_config_id,
        delete_webhook_endpoint.keep_history);
end $$;
comment on function public.delete_webhook_endpoint(uuid, boolean) is 'Deletes an endpoint with its deliveries, while it is in use: disables it first, then deletes a batch a call. Call it until more is false. keep_history: its deliveries stay, the unfinished ones as failed, and the endpoint is hidden. Returns {"id", "deliveries", "more"}.';
revoke all on function public.delete_webhook_endpoint(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function public.delete_webhook_endpoint(uuid, boolean) to authenticated, service_role;
