create table if not exists webhooks.idempotency_keys (
    scope text not null,
    key text not null check (length(key) between 1 and 255),
    request_id uuid not null,
    deliveries integer not null default 0,
    created_at timestamptz not null default now(),
    actor_user_id uuid,
    awaits_change boolean not null default false,
    tenant_id text,
    primary key (scope, key)
);
create index if not exists idx_idempotency_keys_created_at on webhooks.idempotency_keys (created_at);
create index if not exists idx_idempotency_keys_changes on webhooks.idempotency_keys (key) where scope like 'change%';
comment on table webhooks.idempotency_keys is 'The result of a dispatch with an idempotency_key, so that a repetition returns the same.';
alter table webhooks.idempotency_keys enable row level security;
revoke all on webhooks.idempotency_keys from public, anon, authenticated, service_role;
comment on column webhooks.idempotency_keys.scope is 'The owner of the key: user: and a user''s id, server, admin, or change: and the transaction, for what a trigger emitted. Keys of different callers never collide.';
comment on column webhooks.idempotency_keys.actor_user_id is 'For a change: who did it. Another user''s dispatch does not find it.';
comment on column webhooks.idempotency_keys.awaits_change is 'A server dispatched the event before its change; the trigger skips the change when it follows in the same transaction.';
comment on column webhooks.idempotency_keys.tenant_id is 'For a change: the tenant of its event. Users who may not read for it do not find it.';
