-- Failed deliveries are few, and looked for often. As an index on webhook_deliveries they would cost every delivery.
create table if not exists webhooks.failed_deliveries (
    delivery_id uuid primary key,
    webhook_config_id uuid not null,
    created_at timestamptz not null
);
create index if not exists idx_failed_deliveries_newest on webhooks.failed_deliveries (created_at desc, delivery_id desc);
create index if not exists idx_failed_deliveries_of_endpoint
    on webhooks.failed_deliveries (webhook_config_id, created_at desc, delivery_id desc);
comment on table webhooks.failed_deliveries is 'The deliveries whose status is failed.';
comment on column webhooks.failed_deliveries.created_at is 'As in webhook_deliveries.';
alter table webhooks.failed_deliveries enable row level security;
revoke all on webhooks.failed_deliveries from public, anon, authenticated, service_role;
