-- Supabase Auth's schema, reduced to what signing in touches and what apps refer to.
-- Checked against supabase/postgres (nix/tests/expected/auth.out: owners and grants) and supabase/auth (migrations:
-- columns, foreign keys, functions, row level security).

create schema auth authorization supabase_admin;
grant usage on schema auth to postgres, anon, authenticated, service_role;
-- create was postgres's too until April 2025
grant all on schema auth to supabase_auth_admin;

set role supabase_auth_admin;

create table auth.users (
    instance_id uuid,
    id uuid primary key,
    aud varchar(255),
    role varchar(255),
    email varchar(255) unique,
    encrypted_password varchar(255),
    last_sign_in_at timestamptz,
    raw_app_meta_data jsonb,
    raw_user_meta_data jsonb,
    created_at timestamptz,
    updated_at timestamptz,
    banned_until timestamptz,
    deleted_at timestamptz
);

-- One a sign-in. Its foreign key shares a lock on the user's row, and so on the table, with users who sign in.
create table auth.sessions (
    id uuid primary key,
    user_id uuid not null references auth.users (id) on delete cascade,
    created_at timestamptz,
    updated_at timestamptz,
    not_after timestamptz
);

create table auth.refresh_tokens (
    id bigserial primary key,
    token varchar(255) unique,
    user_id varchar(255),
    session_id uuid references auth.sessions (id) on delete cascade,
    revoked boolean,
    created_at timestamptz,
    updated_at timestamptz
);

create table auth.identities (
    id uuid primary key default gen_random_uuid(),
    provider_id text not null,
    user_id uuid not null references auth.users (id) on delete cascade,
    identity_data jsonb not null,
    provider text not null,
    unique (provider_id, provider)
);

create table auth.mfa_factors (
    id uuid primary key,
    user_id uuid not null references auth.users (id) on delete cascade,
    friendly_name text,
    factor_type text not null,
    status text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table auth.audit_log_entries (
    id uuid primary key,
    payload json,
    created_at timestamptz
);

create table auth.schema_migrations (version varchar(255) primary key);

alter table auth.users enable row level security;
alter table auth.sessions enable row level security;
alter table auth.refresh_tokens enable row level security;
alter table auth.identities enable row level security;
alter table auth.mfa_factors enable row level security;
alter table auth.audit_log_entries enable row level security;
alter table auth.schema_migrations enable row level security;

-- postgres owns none of them, and may do all but drop and alter them: triggers and foreign keys are possible.
grant all on auth.users, auth.sessions, auth.refresh_tokens, auth.identities, auth.mfa_factors, auth.audit_log_entries
    to postgres;
grant select on auth.users, auth.sessions, auth.refresh_tokens, auth.identities, auth.mfa_factors, auth.audit_log_entries
    to postgres with grant option;
grant all on all sequences in schema auth to postgres;

-- The request, as PostgREST hands it over: a setting for each claim in old versions, one for all claims since.
create function auth.jwt() returns jsonb
language sql stable
as $$
    select coalesce(nullif(current_setting('request.jwt.claim', true), ''),
                    nullif(current_setting('request.jwt.claims', true), ''))::jsonb
$$;

-- Not a uuid when another party issued the token (Clerk, Auth0, Firebase): then the cast fails with 22P02.
create function auth.uid() returns uuid
language sql stable
as $$
    select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
                    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
$$;

create function auth.role() returns text
language sql stable
as $$
    select coalesce(nullif(current_setting('request.jwt.claim.role', true), ''),
                    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
$$;

create function auth.email() returns text
language sql stable
as $$
    select coalesce(nullif(current_setting('request.jwt.claim.email', true), ''),
                    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
$$;

grant execute on all functions in schema auth to postgres;

reset role;
