-- The roles of a hosted project, once a server. Run by supabase_admin, who is the server's first superuser there.
--
-- Facts and where they stand: Supabase's documentation ("Postgres roles", "Timeouts", "Restricted access to auth,
-- storage and realtime"), and the expected results of supabase/postgres's own tests (nix/tests/expected/roles.out).
-- test_bed.py compares what this makes with that table.

-- The project's owner: everything short of a superuser. Migrations are pushed as this role.
create role postgres login createdb createrole replication bypassrls;

-- The roles of a REST request; PostgREST logs in as authenticator and changes to one of them.
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;

-- The owners of the schemas auth and storage. postgres was a member of both until April 2025, and is no longer.
create role supabase_auth_admin login noinherit createrole;
create role supabase_storage_admin login noinherit createrole;
grant authenticator to supabase_storage_admin;

-- The one that owns what Studio's database webhooks and pg_net need.
create role supabase_functions_admin login noinherit createrole;

grant anon, authenticated, service_role, pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

-- supautils lets the project's owner load rows without running triggers, which Supabase's documentation says to do when
-- a dump is restored (supautils.privileged_role_allowed_configs).
grant set on parameter session_replication_role to postgres;

-- Timeouts. A setting of the role that logs in counts: a request of service_role has authenticator's 8 s. The two
-- minutes are the server's default on hosted projects; here only postgres has them, so that the test bed's own
-- administration is not cut short.
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set statement_timeout = '2min';
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';

-- Unqualified names. supabase_auth_admin sees auth only, so a trigger's function that runs as it must qualify names.
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_admin set search_path = "$user", public, auth, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_storage_admin set search_path = storage;
