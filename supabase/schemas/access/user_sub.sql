create or replace function webhooks.user_sub()
returns text
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- auth.uid() casts it to uuid and fails for the ids of Clerk, Auth0 or Firebase
    return nullif(coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'), '');
end $$;
comment on function webhooks.user_sub() is 'The id of the signed-in user as its JWT has it, in whatever form; null for a server.';
revoke all on function webhooks.user_sub() from public, anon, authenticated, service_role;
grant execute on function webhooks.user_sub() to authenticated, service_role;
