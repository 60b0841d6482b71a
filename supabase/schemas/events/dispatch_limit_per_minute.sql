-- How many events a signed-in user may dispatch per minute; server-side callers have no limit.

create or replace function webhooks.dispatch_limit_per_minute()
returns integer
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return 60;
end $$;
comment on function webhooks.dispatch_limit_per_minute() is 'Events that a signed-in user may dispatch in a minute. Replace the function to change it; null: no limit.';
revoke all on function webhooks.dispatch_limit_per_minute() from public, anon, authenticated, service_role;
