-- One ledger for `supabase db push` and `webhooks migrate`: each migration writes its own row, so a dump carries it along.
create table if not exists webhooks.migrations (
    name text primary key,
    checksum text not null,
    package_version text not null,
    applied_at timestamptz not null default now()
);
comment on table webhooks.migrations is 'The migrations of this package that the database has.';
comment on column webhooks.migrations.name is 'system, upgrade, platform, or one of the three of partitions.';
comment on column webhooks.migrations.checksum is 'SHA-256 of the migration, in hex; unknown where the row was derived from the database.';
comment on column webhooks.migrations.package_version is 'The version of the package that shipped it.';
alter table webhooks.migrations enable row level security;
revoke all on webhooks.migrations from public, anon, authenticated, service_role;
