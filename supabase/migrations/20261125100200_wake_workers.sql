-- Workers that listen (WEBHOOKS_DATABASE_URL) hear of new deliveries at once instead of with the next sweep. A commit
-- that notifies waits for all others that do, database-wide, so at most one in 20 ms does: whoever listens looks
-- once more after that time. What is missed (its transaction commits later than that, or the one that notifies for it is
-- rolled back) the sweep finds.

create sequence if not exists webhooks.wake_ups;
comment on sequence webhooks.wake_ups is 'The last fiftieth of a second, since 1970, in which workers were notified. A sequence, since it is seen and moved outside of transactions.';
revoke all on sequence webhooks.wake_ups from public, anon, authenticated;

create or replace function webhooks.wake_workers()
returns trigger
language plpgsql
-- definer: whoever makes a delivery holds no privilege on the sequence
security definer
set search_path = ''
as $$
declare
    _moment bigint := floor(extract(epoch from clock_timestamp()) * 50);
begin
    -- another moment, not a later one: a clock may have been set back
    if (select w.last_value from webhooks.wake_ups as w) <> _moment then
        perform setval('webhooks.wake_ups', _moment);
        perform pg_notify('webhook_deliveries', '');
    end if;
    return null;
end $$;
comment on function webhooks.wake_workers() is 'Notifies the channel webhook_deliveries, at most once in 20 ms.';
revoke all on function webhooks.wake_workers() from public, anon, authenticated;

create or replace trigger wake_webhook_workers
    after insert on public.webhook_deliveries
    for each statement execute function webhooks.wake_workers();
