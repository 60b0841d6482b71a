-- Workers that listen (WEBHOOKS_DATABASE_URL) are notified of new deliveries at once instead of with the next sweep. A
-- commit that notifies waits for all others that do, database-wide. So a worker that looks again within milliseconds
-- anyway says so with its claim, and until then nobody notifies; where nobody listens, one a second does.
-- Unlogged: it changes with each claim, and what it says is soon past.
create unlogged sequence if not exists webhooks.wake_ups minvalue -9223372036854775807;
comment on sequence webhooks.wake_ups is 'Until when nobody need be notified, in milliseconds since 1970: above 0 since a worker that listens looks again then; below 0 since nobody listens. A sequence, since it is seen and moved outside of transactions.';
revoke all on sequence webhooks.wake_ups from public, anon, authenticated, service_role;
