create or replace function webhooks.actor()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        webhooks.user_claims() ->> 'email',
        webhooks.user_sub(),
        -- for whom the gateway writes, by webhook_admin_write; after those above: a signed-in user never passes for a token
        (select format('%s (%s)', t.name, t.prefix) from webhooks.api_tokens as t
         where t.id::text = current_setting('webhooks.api_token', true)),
        webhooks.caller())
$$;
comment on function webhooks.actor() is 'Who acts, for the log of actions: a user''s e-mail address or id, an API token''s name and prefix, or a server''s role.';
revoke all on function webhooks.actor() from public, anon, authenticated, service_role;
