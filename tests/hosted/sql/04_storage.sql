-- Supabase Storage's schema, reduced to the tables that supautils locks (supautils.sql).
-- Checked against supabase/postgres (migrations/db/init-scripts; 20250421084701: create was postgres's until then).

create schema storage authorization supabase_admin;
grant usage on schema storage to postgres, anon, authenticated, service_role;
grant all on schema storage to supabase_storage_admin;

set role supabase_storage_admin;

create table storage.buckets (
    id text primary key,
    name text not null unique,
    public boolean default false,
    created_at timestamptz default now()
);

create table storage.objects (
    id uuid primary key default gen_random_uuid(),
    bucket_id text references storage.buckets (id),
    name text,
    owner_id text,
    created_at timestamptz default now(),
    metadata jsonb,
    unique (bucket_id, name)
);

alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
grant all on storage.buckets, storage.objects to postgres, anon, authenticated, service_role;

reset role;
