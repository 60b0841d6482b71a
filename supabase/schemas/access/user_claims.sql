create or replace function webhooks.user_claims()
returns jsonb
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- as auth.jwt(), without needing a privilege on the schema auth
    return coalesce(
        nullif(current_setting('request.jwt.claims', true), ''), nullif(current_setting('request.jwt.claim', true), ''), '{}')::jsonb;
end $$;
comment on function webhooks.user_claims() is 'The claims of the caller''s JWT; an empty object without one.';
revoke all on function webhooks.user_claims() from public, anon, authenticated, service_role;
grant execute on function webhooks.user_claims() to authenticated, service_role;
