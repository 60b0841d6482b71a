create or replace function webhooks.wake_workers()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _moment bigint := floor(extract(epoch from clock_timestamp()) * 50);
begin
    perform webhooks.request_drain();
    -- another moment, not a later one: a clock may have been set back
    if (select w.last_value from webhooks.wake_ups as w) <> _moment then
        perform setval('webhooks.wake_ups', _moment);
        perform pg_notify('webhook_deliveries', '');
    end if;
end $$;
comment on function webhooks.wake_workers() is 'Notifies the channel webhook_deliveries, at most once in 20 ms, and wakes the gateway if asked to.';
revoke all on function webhooks.wake_workers() from public, anon, authenticated, service_role;
