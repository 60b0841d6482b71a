-- webhooks migration: partitions_read ef0e81fd53684dfa7901a44fbcaf53cd926fdf8858e1c6f2bf165132bc457a3c
-- Produced from supabase/schemas by `make migrations`. Change the files there, not this one.

select set_config('check_function_bodies', 'off', true);

-- partitions/2_read.sql
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

insert into webhooks.migrations (name, checksum, package_version) values ('partitions_read', 'ef0e81fd53684dfa7901a44fbcaf53cd926fdf8858e1c6f2bf165132bc457a3c', '0.1.0')
on conflict (name) do update
set checksum = excluded.checksum, package_version = excluded.package_version, applied_at = now();
