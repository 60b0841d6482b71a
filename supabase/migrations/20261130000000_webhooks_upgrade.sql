-- webhooks migration: upgrade 3e53be830808b9f35934e4179f704d78545d1e56e2572b92beec26586dd91318
-- Produced from supabase/schemas by `make migrations`. Change the files there, not this one.

select set_config('check_function_bodies', 'off', true);

-- schemas/setup/webhooks.sql
-- The schema of everything that the REST API must not reach: tables of secrets and of work, and the functions that
-- public's thin ones call.
create schema if not exists webhooks;
comment on schema webhooks is 'Internals of the webhook system. Not exposed through the REST API.';
revoke all on schema webhooks from public, anon, authenticated, service_role;
grant usage on schema webhooks to authenticated, service_role;

-- schemas/setup/migrations.sql
-- One ledger for `supabase db push` and `webhooks migrate`: each migration writes its own row, so a dump carries it along.
create table if not exists webhooks.migrations (
    name text primary key,
    checksum text not null,
    package_version text not null,
    applied_at timestamptz not null default now()
);
comment on table webhooks.migrations is 'The migrations of this package that the database has.';
comment on column webhooks.migrations.name is 'system, upgrade, platform, partitions or attach_history.';
comment on column webhooks.migrations.checksum is 'SHA-256 of the migration, in hex.';
comment on column webhooks.migrations.package_version is 'The version of the package that shipped it.';
alter table webhooks.migrations enable row level security;
revoke all on webhooks.migrations from public, anon, authenticated, service_role;

-- upgrade/first_generation.sql
-- the first generation

insert into webhooks.migrations (name, checksum, package_version) values ('upgrade', '3e53be830808b9f35934e4179f704d78545d1e56e2572b92beec26586dd91318', '0.1.0')
on conflict (name) do update set checksum = excluded.checksum, package_version = excluded.package_version, applied_at = now();
