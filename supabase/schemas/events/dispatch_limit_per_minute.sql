-- How many events a signed-in user may dispatch per minute; server-side callers have no limit.

create or replace function webhooks.dispatch_limit_per_minute()
returns integer
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$ select 60 $$;
comment on function webhooks.dispatch_limit_per_minute() is 'Events that a signed-in user may dispatch in a minute. Replace the function to change it; null: no limit.';
revoke all on function webhooks.dispatch_limit_per_minute() from public, anon, authenticated, service_role;
