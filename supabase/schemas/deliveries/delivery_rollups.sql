-- Figures by the hour, so that charts and percentiles need not scan the attempts.
create table if not exists webhooks.delivery_rollups (
    hour timestamptz not null check (hour = date_trunc('hour', hour, 'UTC')),
    webhook_config_id uuid not null,
    event_type text not null,
    attempts integer not null default 0,
    failed_attempts integer not null default 0,
    durations integer[] not null default '{}',
    primary key (hour, webhook_config_id, event_type)
) with (fillfactor = 50);
create index if not exists idx_delivery_rollups_of_endpoint on webhooks.delivery_rollups (webhook_config_id, hour desc);
comment on table webhooks.delivery_rollups is 'Deliveries and attempts per hour, endpoint and event type.';
comment on column webhooks.delivery_rollups.hour is 'The hour''s beginning, in UTC, of when the attempts ended.';
comment on column webhooks.delivery_rollups.durations is 'Attempts by duration: entry n counts those of 2^(n-1) ms up to 2^n ms.';
alter table webhooks.delivery_rollups enable row level security;
revoke all on webhooks.delivery_rollups from public, anon, authenticated, service_role;
