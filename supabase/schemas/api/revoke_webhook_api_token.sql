create or replace function public.revoke_webhook_api_token(token_id uuid)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.revoke_webhook_api_token(revoke_webhook_api_token.token_id);
end $$;
comment on function public.revoke_webhook_api_token(uuid) is 'Revokes an API token: it is rejected from the next request on, and cannot be restored.';
revoke all on function public.revoke_webhook_api_token(uuid) from public, anon, authenticated, service_role;
grant execute on function public.revoke_webhook_api_token(uuid) to authenticated, service_role;
