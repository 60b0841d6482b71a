-- Reads the tables once, so that the next migration need not: dispatching and delivering go on meanwhile. Ten million
-- rows take seconds; hosted Supabase ends a statement after two minutes.
do $read$
declare
    _table text;
begin
    foreach _table in array array['webhook_deliveries', 'webhook_attempts'] loop
        if exists (select from pg_constraint as k
                   where k.conrelid = format('public.%I', _table)::regclass and k.conname = _table || '_past' and not k.convalidated) then
            execute format('alter table public.%I validate constraint %I', _table, _table || '_past');
        end if;
    end loop;
end $read$;
