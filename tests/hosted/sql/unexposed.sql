-- Projects created since 30 May 2026, and all since 30 October 2026: new objects in public are granted to no role, until
-- a migration does so. Objects of supabase_admin are as before.
-- Checked against Supabase's changelog (45329, "Tables not exposed to Data and GraphQL API automatically") and the
-- Supabase CLI, which does the same at `supabase start`: truncate, references and trigger stay granted.

alter default privileges for role postgres in schema public
    revoke select, insert, update, delete on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    revoke usage, select on sequences from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    revoke execute on functions from anon, authenticated, service_role;
