-- What supautils does on hosted projects: to find out whether postgres may change a policy or drop a trigger on a table
-- that it does not own, it takes AccessExclusive on that table and then on each table of its list, and holds them until
-- the transaction ends, whatever table the command is about.
-- Checked against supabase/supautils (src/policy_grants.c and src/drop_trigger_grants.c: RangeVarGetRelid with
-- AccessExclusiveLock, for every entry until one matches; supautils.c: not for superusers) and supabase/postgres
-- (conf.d/supautils.conf: postgres's list, in alphabetical order, which names every table of auth and storage but the
-- two of migrations).

-- definer and supabase_admin's: the hook asks for no privilege on what it locks
create function extensions.lock_as_supautils() returns event_trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    _table regclass;
begin
    if session_user = 'supabase_admin' then
        return;
    end if;
    for _table in
        select c.oid::regclass
        from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in ('auth', 'storage') and c.relkind = 'r' and c.relname not in ('schema_migrations', 'migrations')
        order by n.nspname, c.relname
    loop
        execute pg_catalog.format('lock table %s in access exclusive mode', _table);
    end loop;
end $$;

-- before the command, as the hook. `comment on policy` locks too, but an event trigger cannot tell it before it ran.
create event trigger lock_as_supautils on ddl_command_start
    when tag in ('CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'DROP TRIGGER')
    execute function extensions.lock_as_supautils();
