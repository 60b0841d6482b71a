-- As webhooks.wake_ups, for gateways that are woken by pg_net.
create sequence if not exists webhooks.drain_requests;
comment on sequence webhooks.drain_requests is 'The last second, since 1970, in which the gateway was woken. A sequence, since it is read and written outside of transactions.';
revoke all on sequence webhooks.drain_requests from public, anon, authenticated, service_role;
