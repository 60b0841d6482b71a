create table if not exists webhooks.cursors (
    name text primary key,
    created_at timestamptz,
    id uuid
);
comment on table webhooks.cursors is 'How far work in batches has come: by the creation and id of the last delivery that it looked at.';
alter table webhooks.cursors enable row level security;
revoke all on webhooks.cursors from public, anon, authenticated, service_role;
