create or replace function webhooks.list_webhook_api_tokens()
returns jsonb
language sql
stable
-- definer: behind public.list_webhook_api_tokens, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_agg(
        jsonb_build_object(
            'id', s.id, 'name', s.name, 'prefix', s.prefix, 'scopes', s.scopes, 'status', s.status,
            'created_by', s.created_by, 'created_at', s.created_at, 'expires_at', s.expires_at,
            'last_used_at', s.last_used_at, 'revoked_at', s.revoked_at)
        order by s.status <> 'active', s.created_at desc, s.id), '[]')
    from (
        select t.*,
               case when t.revoked_at is not null then 'revoked'
                    when t.expires_at <= now() then 'expired'
                    else 'active' end as status
        from webhooks.api_tokens as t
        -- those that ended long ago are in the log of actions
        where least(t.revoked_at, t.expires_at) is null
           or least(t.revoked_at, t.expires_at) > now() - interval '30 days'
    ) as s
$$;
comment on function webhooks.list_webhook_api_tokens() is 'Behind public.list_webhook_api_tokens.';
revoke all on function webhooks.list_webhook_api_tokens() from public, anon, authenticated, service_role;
grant execute on function webhooks.list_webhook_api_tokens() to authenticated, service_role;
