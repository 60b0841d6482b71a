create or replace function webhooks.user_sub()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- auth.uid() casts it to uuid and fails for the ids of Clerk, Auth0 or Firebase
    select nullif(coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'), '')
$$;
comment on function webhooks.user_sub() is 'The id of the signed-in user as its JWT has it, in whatever form; null for a server.';
revoke all on function webhooks.user_sub() from public, anon, authenticated, service_role;
grant execute on function webhooks.user_sub() to authenticated, service_role;
