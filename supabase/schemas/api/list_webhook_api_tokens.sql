create or replace function public.list_webhook_api_tokens()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.list_webhook_api_tokens();
end $$;
comment on function public.list_webhook_api_tokens() is 'API tokens, the active ones first, then those that expired or were revoked in the last 30 days: name, prefix, scopes, and when each expires and was last used. Never the tokens themselves or their hashes.';
revoke all on function public.list_webhook_api_tokens() from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_api_tokens() to authenticated, service_role;
