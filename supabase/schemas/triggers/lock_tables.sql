create or replace function webhooks.lock_tables(tables regclass[])
returns void
language plpgsql
-- invoker: the caller creates triggers on them
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _table regclass;
    _before text := current_setting('lock_timeout');
begin
    for n in 1..200 loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            foreach _table in array tables loop
                -- the mode that creating a trigger takes
                execute format('lock table %s in share row exclusive mode', _table);
            end loop;
            perform set_config('lock_timeout', _before, true);
            return;
        exception
            -- nothing is held now: transactions that waited for us continue
            when lock_not_available then
                perform pg_sleep(0.1);
            when insufficient_privilege then
                -- a role that may create a trigger but not update may not lock: then the trigger's own lock must suffice
                perform set_config('lock_timeout', _before, true);
                return;
        end;
    end loop;
    raise exception 'the tables % were in use for a minute', tables using hint = 'End long transactions and try again.';
end $$;
comment on function webhooks.lock_tables(regclass[]) is 'Locks tables for new triggers, together or not at all, so that no user''s transaction ends in a deadlock.';
revoke all on function webhooks.lock_tables(regclass[]) from public, anon, authenticated, service_role;
