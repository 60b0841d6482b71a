create or replace function public.create_webhook_api_token(
    name text,
    scopes text[],
    expires_after interval default '90 days'
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.create_webhook_api_token(
        create_webhook_api_token.name,
        create_webhook_api_token.scopes,
        create_webhook_api_token.expires_after);
end $$;
comment on function public.create_webhook_api_token(text, text[], interval) is 'Creates an API token with scopes of read, manage and dispatch, and returns it once, as "token". expires_after null: it does not expire.';
revoke all on function public.create_webhook_api_token(text, text[], interval) from public, anon, authenticated, service_role;
grant execute on function public.create_webhook_api_token(text, text[], interval) to authenticated, service_role;
