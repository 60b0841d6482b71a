create or replace function webhooks.user_claims()
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- as auth.jwt(), without needing a privilege on the schema auth
    select coalesce(
        nullif(current_setting('request.jwt.claims', true), ''), nullif(current_setting('request.jwt.claim', true), ''), '{}')::jsonb
$$;
comment on function webhooks.user_claims() is 'The claims of the caller''s JWT; an empty object without one.';
revoke all on function webhooks.user_claims() from public, anon, authenticated, service_role;
grant execute on function webhooks.user_claims() to authenticated, service_role;
