-- Writes of the admin API: done once per idempotency key, however often they are requested.

create table if not exists webhooks.admin_writes (
    scope text not null,
    key text not null check (length(key) between 1 and 255),
    request jsonb not null,
    answer jsonb,
    created_at timestamptz not null default now(),
    primary key (scope, key)
);
create index if not exists idx_admin_writes_created_at on webhooks.admin_writes (created_at);
comment on table webhooks.admin_writes is 'The results of writes with an Idempotency-Key, kept for a day, without secrets.';
comment on column webhooks.admin_writes.scope is 'The owner of the key: a user''s id, an API token''s, or a server''s role.';
comment on column webhooks.admin_writes.request is 'A digest of the request, to distinguish a repetition from another request with the same key.';
alter table webhooks.admin_writes enable row level security;
revoke all on webhooks.admin_writes from public, anon, authenticated, service_role;
