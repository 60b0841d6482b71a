create table if not exists webhooks.previous_secrets (
    webhook_config_id uuid not null references public.webhook_configurations (id) on delete cascade,
    secret_key text not null,
    replaced_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    primary key (webhook_config_id, replaced_at)
);
comment on table webhooks.previous_secrets is 'Secrets that were rotated out and still sign until they expire.';
comment on column webhooks.previous_secrets.expires_at is 'When it stops signing deliveries.';
alter table webhooks.previous_secrets enable row level security;
revoke all on webhooks.previous_secrets from public, anon, authenticated, service_role;
