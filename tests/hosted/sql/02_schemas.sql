-- The schemas public, extensions and graphql_public, and what new objects in public are granted.
-- Checked against supabase/postgres (nix/tests/expected/roles.out, default privileges) and pgflow's dump of a fresh
-- project (pkgs/core/atlas: which extensions and schemas there are).

-- Postgres 15 gives public to pg_database_owner, and a project's database belongs to postgres.
grant usage on schema public to postgres, anon, authenticated, service_role;

-- What makes a dump and restore dangerous: whatever is created in public is everyone's, until it is revoked. Projects
-- since 30 May 2026, and all since 30 October 2026, are without it: see unexposed.sql.
alter default privileges for role postgres in schema public
    grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
    grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
    grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
    grant all on sequences to postgres, anon, authenticated, service_role;

-- Extensions live apart, and are the superuser's; these two are in every new project.
create schema extensions;
grant usage on schema extensions to anon, authenticated, service_role;
grant all on schema extensions to postgres;
create extension pgcrypto with schema extensions;
create extension "uuid-ossp" with schema extensions;
grant all on all functions in schema extensions to postgres with grant option;

-- Exposed by the REST API alongside public; its one function needs pg_graphql, which is off in new projects.
create schema graphql_public;
grant usage on schema graphql_public to postgres, anon, authenticated, service_role;
