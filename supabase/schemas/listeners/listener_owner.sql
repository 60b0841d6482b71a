create or replace function webhooks.listener_owner()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce('user:' || webhooks.user_sub(), webhooks.caller())
$$;
comment on function webhooks.listener_owner() is 'The caller, as webhooks.listeners has it.';
revoke all on function webhooks.listener_owner() from public, anon, authenticated, service_role;
