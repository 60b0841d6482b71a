create or replace function webhooks.create_webhook_api_token(
    name text,
    scopes text[],
    expires_after interval default '90 days'
)
returns jsonb
language plpgsql
-- definer: behind public.create_webhook_api_token, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _name text := btrim(create_webhook_api_token.name);
    _known text[] := '{read,manage,dispatch}';
    _token text := 'whk_' || encode(webhooks.random_key(), 'hex');
    _made webhooks.api_tokens;
    _shown jsonb;
begin
    if coalesce(length(_name) not between 1 and 100 or _name ~ '[[:cntrl:]]', true) then
        raise exception 'an API token needs a name of at most 100 characters, without control characters'
            using errcode = '22023';
    end if;
    if not coalesce(cardinality(create_webhook_api_token.scopes) > 0 and create_webhook_api_token.scopes <@ _known, false) then
        raise exception 'an API token needs scopes: read, manage or dispatch' using errcode = '22023';
    end if;
    if expires_after <= interval '0' then
        raise exception 'expires_after must be an interval above 0, or null for a token that does not expire'
            using errcode = '22023';
    end if;
    insert into webhooks.api_tokens (name, prefix, hash, scopes, created_by, expires_at)
    values (
        _name, left(_token, 12), encode(sha256(convert_to(_token, 'UTF8')), 'hex'),
        array(select s from unnest(_known) as s where s = any (create_webhook_api_token.scopes)),
        webhooks.actor(), now() + expires_after)
    returning * into _made;
    _shown := jsonb_build_object(
        'id', _made.id, 'name', _made.name, 'prefix', _made.prefix, 'scopes', _made.scopes, 'expires_at', _made.expires_at);
    perform webhooks.log_action('create_token', null, null, _shown);
    return _shown || jsonb_build_object('token', _token);
end $$;
comment on function webhooks.create_webhook_api_token(text, text[], interval) is 'Behind public.create_webhook_api_token.';
revoke all on function webhooks.create_webhook_api_token(text, text[], interval) from public, anon, authenticated, service_role;
grant execute on function webhooks.create_webhook_api_token(text, text[], interval) to authenticated, service_role;
