create table if not exists webhooks.write_probe (
    only_row boolean primary key default true check (only_row),
    probed_at timestamptz not null default now()
);
comment on table webhooks.write_probe is 'One row, written to find out whether the database accepts writes.';
alter table webhooks.write_probe enable row level security;
revoke all on webhooks.write_probe from public, anon, authenticated, service_role;
