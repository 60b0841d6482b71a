create or replace function webhooks.user_id()
returns uuid
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return webhooks.uuid_or_null(webhooks.user_sub());
end $$;
comment on function webhooks.user_id() is 'Like auth.uid(), but null if the id is not a uuid, as with third-party auth.';
revoke all on function webhooks.user_id() from public, anon, authenticated, service_role;
grant execute on function webhooks.user_id() to authenticated, service_role;
