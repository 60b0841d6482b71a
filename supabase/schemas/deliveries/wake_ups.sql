-- Workers that listen (WEBHOOKS_DATABASE_URL) are notified of new deliveries at once instead of with the next sweep. A
-- commit that notifies waits for all others that do, database-wide, so at most one in 20 ms does: whoever listens looks
-- once more after that time. What is missed (its transaction commits later than that, or the one that notifies for it is
-- rolled back) the sweep finds.
create sequence if not exists webhooks.wake_ups;
comment on sequence webhooks.wake_ups is 'The last fiftieth of a second, since 1970, in which workers were notified. A sequence, since it is seen and moved outside of transactions.';
revoke all on sequence webhooks.wake_ups from public, anon, authenticated, service_role;
