create or replace function public.find_webhook_api_token(hash text)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.find_webhook_api_token(find_webhook_api_token.hash);
end $$;
comment on function public.find_webhook_api_token(text) is 'For the gateway: id, name, prefix and scopes of the API token with this SHA-256 hash; null if there is none, or it was revoked or has expired.';
revoke all on function public.find_webhook_api_token(text) from public, anon, authenticated, service_role;
grant execute on function public.find_webhook_api_token(text) to service_role;
