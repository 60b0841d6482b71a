create or replace function webhooks.find_webhook_api_token(hash text)
returns jsonb
language plpgsql
-- definer: behind public.find_webhook_api_token, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _token webhooks.api_tokens;
begin
    select t.* into _token
    from webhooks.api_tokens as t
    where t.hash = find_webhook_api_token.hash
      and t.revoked_at is null
      and (t.expires_at is null or t.expires_at > now());
    if not found then
        return null;
    end if;
    -- once a minute, so that a busy token does not write with each request; a project whose disk is full only reads
    if coalesce(_token.last_used_at < now() - interval '1 minute', true)
        and current_setting('transaction_read_only') = 'off' then
        update webhooks.api_tokens as t
        set last_used_at = now()
        where t.id = _token.id and coalesce(t.last_used_at < now() - interval '1 minute', true);
    end if;
    return jsonb_build_object('id', _token.id, 'name', _token.name, 'prefix', _token.prefix, 'scopes', _token.scopes);
end $$;
comment on function webhooks.find_webhook_api_token(text) is 'Behind public.find_webhook_api_token.';
revoke all on function webhooks.find_webhook_api_token(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.find_webhook_api_token(text) to service_role;
