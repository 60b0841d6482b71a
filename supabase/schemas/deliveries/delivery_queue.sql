-- What is not finished: a small row for each pending or processing delivery. All that claims read, and all that an
-- attempt changes besides its result.
create table if not exists webhooks.delivery_queue (
    delivery_id uuid primary key,
    webhook_config_id uuid not null,
    created_at timestamptz not null,
    due_at timestamptz not null,
    ready boolean not null,
    lease_id uuid,
    leased_at timestamptz,
    leased_by text,
    constraint delivery_queue_lease check (lease_id is null or not ready),
    constraint delivery_queue_leased_at check ((lease_id is null) = (leased_at is null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);

-- what claims take: by endpoint, the oldest first. Endpoints that have nothing due are not in it.
create index if not exists idx_delivery_queue_ready on webhooks.delivery_queue (webhook_config_id, due_at) where ready;
-- what becomes due: retries, and leases that expire
create index if not exists idx_delivery_queue_later on webhooks.delivery_queue (due_at) where not ready;
create index if not exists idx_delivery_queue_under_way
    on webhooks.delivery_queue (webhook_config_id, leased_at) where lease_id is not null;
create index if not exists idx_delivery_queue_retries
    on webhooks.delivery_queue (webhook_config_id) where not ready and lease_id is null;

comment on table webhooks.delivery_queue is 'One row for each delivery that is not finished.';
comment on column webhooks.delivery_queue.created_at is 'As in webhook_deliveries: identifies the partition.';
comment on column webhooks.delivery_queue.due_at is 'When it may be claimed: the time of a retry, or when the lease of a leased row expires.';
comment on column webhooks.delivery_queue.ready is 'Whether due_at has come. A claim makes rows ready that are due.';
comment on column webhooks.delivery_queue.lease_id is 'The claim that holds the row; empty: none.';
comment on column webhooks.delivery_queue.leased_by is 'The worker that last claimed it.';
alter table webhooks.delivery_queue enable row level security;
revoke all on webhooks.delivery_queue from public, anon, authenticated, service_role;
