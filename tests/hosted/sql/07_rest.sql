-- PostgREST reads the schema again when it is notified: an event trigger notifies it of each change.
-- A consequence for migrations: each of our changes runs these, and a role that may not call them could not migrate.
-- Checked against supabase/postgres (migrations 20220321174452 and 20260923021047) and PostgREST's documentation.

create function extensions.pgrst_ddl_watch() returns event_trigger
language plpgsql
as $$
declare
    _command record;
begin
    for _command in select * from pg_event_trigger_ddl_commands() loop
        if _command.command_tag in (
            'CREATE SCHEMA', 'ALTER SCHEMA', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE',
            'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE VIEW', 'ALTER VIEW', 'CREATE MATERIALIZED VIEW',
            'ALTER MATERIALIZED VIEW', 'CREATE FUNCTION', 'ALTER FUNCTION', 'CREATE TRIGGER', 'CREATE TYPE',
            'ALTER TYPE', 'CREATE RULE', 'COMMENT')
            and coalesce(_command.schema_name, '') not in ('pg_temp', 'auth', 'realtime', 'storage')
        then
            notify pgrst, 'reload schema';
        end if;
    end loop;
end $$;

create function extensions.pgrst_drop_watch() returns event_trigger
language plpgsql
as $$
declare
    _object record;
begin
    for _object in select * from pg_event_trigger_dropped_objects() loop
        if not _object.is_temporary
            and _object.object_type in (
                'schema', 'table', 'foreign table', 'view', 'materialized view', 'function', 'trigger', 'type', 'rule')
            and coalesce(_object.schema_name, '') not in ('auth', 'realtime', 'storage')
        then
            notify pgrst, 'reload schema';
        end if;
    end loop;
end $$;

create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_drop_watch();
