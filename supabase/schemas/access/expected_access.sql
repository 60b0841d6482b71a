-- Who may do what with our objects. Filled by the migrations, from the grants and policies in this folder's files: what
-- webhooks.secure() restores after a dump and restore into a new project, whose default privileges grant everything.
create table if not exists webhooks.expected_access (
    object text primary key,
    kind text not null check (kind in ('schema', 'table', 'sequence', 'function')),
    grants jsonb not null default '{}'
);
comment on table webhooks.expected_access is 'The privileges of anon, authenticated, service_role and PUBLIC on each object: {"role": ["PRIVILEGE"]}.';
comment on column webhooks.expected_access.object is 'Its name; for a function, with its arguments.';
alter table webhooks.expected_access enable row level security;
revoke all on webhooks.expected_access from public, anon, authenticated, service_role;
