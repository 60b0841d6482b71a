create or replace function webhooks.prepare_webhook_partitions()
returns integer
language plpgsql
-- definer: behind public.prepare_webhook_partitions, which checks the caller; partitions belong to the tables' owner
security definer
set search_path = pg_catalog, pg_temp
-- a partition is a day of UTC
set timezone = 'UTC'
-- the whole table is locked for a few milliseconds; this does not wait for long reads: the next call may succeed
set lock_timeout = '500ms'
as $$
declare
    _table text;
    _later text;
    _begins timestamptz;
    _ends timestamptz;
    _moved boolean;
    _made integer := 0;
begin
    foreach _table in array array['webhook_deliveries', 'webhook_attempts'] loop
        select p.name, p.begins into _later, _begins from webhooks.partitions as p where p.parent = _table and p.ends is null;
        if not found then
            -- Not partitioned. A change to partitions that was started but not finished must not reject what comes after
            -- the moment that it foresaw.
            if exists (
                select from pg_constraint as k
                where k.conrelid = format('public.%I', _table)::regclass and k.conname = _table || '_past'
                  and (regexp_match(pg_get_constraintdef(k.oid), '< ''([^'']+)'''))[1]::timestamptz < now() + interval '1 day'
            ) then
                execute format('alter table public.%I drop constraint %I', _table, _table || '_past');
            end if;
            continue;
        end if;
        -- rarely, because of the lock
        continue when _begins >= now() + interval '3 days';
        -- more than is moved within a second or two: work for a quiet hour, as the documentation says
        if pg_relation_size(format('webhooks.%I', _later)) > 256 * 1024 * 1024
            and current_setting('webhooks.move_all', true) is distinct from 'on' then
            raise exception 'webhooks.% contains rows that belong in daily partitions', _later
                using hint = 'Call it once with the setting webhooks.move_all = on: docs/scaling.md.';
        end if;
        execute format('lock table public.%I in access exclusive mode', _table);
        execute format('select exists (select from webhooks.%I)', _later) into _moved;
        if _moved then
            execute format('create temporary table webhook_rows_to_move on commit drop as select * from webhooks.%I', _later);
        end if;
        execute format('drop table webhooks.%I', _later);
        while _begins < now() + interval '7 days' loop
            -- one partition for the time without calls
            _ends := greatest(date_trunc('day', _begins) + interval '1 day', date_trunc('day', now()));
            perform webhooks.make_partition(_table, _table || '_' || to_char(_begins, 'YYYYMMDD'), _begins, _ends);
            _begins := _ends;
            _made := _made + 1;
        end loop;
        perform webhooks.make_partition(_table, _later, _begins, null);
        if _moved then
            execute format('insert into public.%I select * from pg_temp.webhook_rows_to_move', _table);
            drop table pg_temp.webhook_rows_to_move;
        end if;
    end loop;
    return _made;
end $$;
comment on function webhooks.prepare_webhook_partitions() is 'Behind public.prepare_webhook_partitions.';
revoke all on function webhooks.prepare_webhook_partitions() from public, anon, authenticated, service_role;
grant execute on function webhooks.prepare_webhook_partitions() to service_role;
