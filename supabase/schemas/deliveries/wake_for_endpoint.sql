create or replace function webhooks.wake_for_endpoint()
returns trigger
language plpgsql
-- definer: callers that change an endpoint may not notify
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.wake_workers();
    return null;
end $$;
comment on function webhooks.wake_for_endpoint() is 'Wakes the workers when an endpoint may receive more than before.';
revoke all on function webhooks.wake_for_endpoint() from public, anon, authenticated, service_role;
