create table if not exists webhooks.cursors (
    name text primary key,
    created_at timestamptz,
    id uuid
);
comment on table webhooks.cursors is 'The progress of batch jobs: creation time and id of the last delivery they processed.';
alter table webhooks.cursors enable row level security;
revoke all on webhooks.cursors from public, anon, authenticated, service_role;
