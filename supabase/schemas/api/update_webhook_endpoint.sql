create or replace function public.update_webhook_endpoint(
    webhook_config_id uuid,
    changes jsonb
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => update_webhook_endpoint.webhook_config_id);
    return webhooks.update_webhook_endpoint(
        update_webhook_endpoint.webhook_config_id,
        update_webhook_endpoint.changes);
end $$;
comment on function public.update_webhook_endpoint(uuid, jsonb) is 'Changes the given settings of an endpoint; the others are kept, except headers and credentials_profile if the URL gets another host or port, or a queue another endpoint_url, region, tls or sasl. {"is_active": false} pauses it. With updated_at, as you read it, the change is rejected if the endpoint has changed since.';
revoke all on function public.update_webhook_endpoint(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.update_webhook_endpoint(uuid, jsonb) to authenticated, service_role;
