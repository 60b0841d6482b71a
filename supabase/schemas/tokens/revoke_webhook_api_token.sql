create or replace function webhooks.revoke_webhook_api_token(token_id uuid)
returns jsonb
language plpgsql
-- definer: behind public.revoke_webhook_api_token, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _token webhooks.api_tokens;
begin
    update webhooks.api_tokens as t
    set revoked_at = now()
    where t.id = revoke_webhook_api_token.token_id and t.revoked_at is null
    returning t.* into _token;
    if found then
        perform webhooks.log_action('revoke_token', null, null, jsonb_build_object(
            'id', _token.id, 'name', _token.name, 'prefix', _token.prefix, 'scopes', _token.scopes));
    else
        select t.* into _token from webhooks.api_tokens as t where t.id = revoke_webhook_api_token.token_id;
        if not found then
            raise exception 'API token % does not exist', coalesce(revoke_webhook_api_token.token_id::text, 'null')
                using errcode = 'PT404';
        end if;
    end if;
    return jsonb_build_object('id', _token.id, 'name', _token.name, 'prefix', _token.prefix, 'revoked_at', _token.revoked_at);
end $$;
comment on function webhooks.revoke_webhook_api_token(uuid) is 'Behind public.revoke_webhook_api_token.';
revoke all on function webhooks.revoke_webhook_api_token(uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.revoke_webhook_api_token(uuid) to authenticated, service_role;
