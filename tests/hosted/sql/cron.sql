-- pg_cron, as Database > Extensions enables it. Only in the server's cron.database_name: its worker looks nowhere else,
-- and holds a connection there, so no database can be copied from that one. Hence not in the template.
-- Checked against supabase/postgres (extensions.grant_pg_cron_access, migration 20260730000000): postgres schedules
-- through the functions, and reads cron.job without writing it.

create extension pg_cron with schema pg_catalog;
grant usage on schema cron to postgres with grant option;
grant all on all functions in schema cron to postgres with grant option;
grant all on all tables in schema cron to postgres with grant option;
revoke all on cron.job from postgres;
grant select on cron.job to postgres with grant option;
revoke trigger on cron.job_run_details from postgres;
