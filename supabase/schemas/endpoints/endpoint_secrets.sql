-- What signs and what authenticates, outside of every exposed schema.
create table if not exists webhooks.endpoint_secrets (
    webhook_config_id uuid primary key,
    secret_key text check (secret_key <> ''),
    headers jsonb,
    constraint endpoint_secrets_webhook_config_id_fkey
        foreign key (webhook_config_id) references public.webhook_configurations (id) on delete cascade
        -- written by a trigger before the endpoint's own row
        deferrable initially deferred
);
comment on table webhooks.endpoint_secrets is 'The secret that signs an endpoint''s deliveries, and its extra headers.';
comment on column webhooks.endpoint_secrets.secret_key is 'As given, or fernet:... once a worker has encrypted it.';
alter table webhooks.endpoint_secrets enable row level security;
revoke all on webhooks.endpoint_secrets from public, anon, authenticated, service_role;
