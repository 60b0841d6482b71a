-- Workers that listen (WEBHOOKS_DATABASE_URL) are notified of new deliveries at once instead of with the next sweep. A
-- commit that notifies waits for all others that do, database-wide. So a worker that looks again within milliseconds
-- anyway says so with its claim, and until then no one notifies; if no worker listens, there is one notification a second.
-- Unlogged: it changes with each claim, and what it says is soon past.
create unlogged sequence if not exists webhooks.wake_ups minvalue -9223372036854775807;
comment on sequence webhooks.wake_ups is 'Until when no notification is needed, in milliseconds since 1970: above 0, a worker that listens looks again then; below 0, no worker listens. A sequence, since it is read and written outside of transactions.';
revoke all on sequence webhooks.wake_ups from public, anon, authenticated, service_role;
