create or replace function webhooks.drop_old_partitions(before timestamptz)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '500ms'
as $$
declare
    _table text;
    _one record;
    _rows bigint := 0;
begin
    foreach _table in array array['webhook_attempts', 'webhook_deliveries'] loop
        for _one in
            select p.name, p.begins, p.ends, p.estimated_rows
            from webhooks.partitions as p
            where p.parent = _table and p.ends <= drop_old_partitions.before
              -- a delivery that is held keeps its day, and what is finished in it goes row by row
              and not (_table = 'webhook_deliveries' and exists (
                  select from webhooks.delivery_queue as q
                  where q.created_at < p.ends and q.created_at >= coalesce(p.begins, '-infinity')))
            order by p.ends
        loop
            -- the first partition, once it is empty, stays: there must be no moment without a partition
            continue when _one.begins is null and pg_relation_size(format('webhooks.%I', _one.name)) = 0;
            execute format('lock table public.%I in access exclusive mode', _table);
            if _table = 'webhook_deliveries' then
                -- someone may have retried one while this waited for the lock
                continue when exists (
                    select from webhooks.delivery_queue as q
                    where q.created_at < _one.ends and q.created_at >= coalesce(_one.begins, '-infinity'));
                delete from webhooks.failed_deliveries as f
                where f.created_at < _one.ends and f.created_at >= coalesce(_one.begins, '-infinity');
            end if;
            execute format('drop table webhooks.%I', _one.name);
            if _one.begins is null then
                perform webhooks.make_partition(_table, _one.name, null, _one.ends);
            end if;
            _rows := _rows + greatest(_one.estimated_rows, 1);
        end loop;
        -- dropped days leave a gap before the oldest remaining one: the first partition is extended over it
        select p.name, p.ends into _one from webhooks.partitions as p where p.parent = _table and p.begins is null;
        if found and _one.ends < (select min(p.begins) from webhooks.partitions as p where p.parent = _table)
            and pg_relation_size(format('webhooks.%I', _one.name)) = 0 then
            execute format('drop table webhooks.%I', _one.name);
            perform webhooks.make_partition(_table, _one.name, null, (
                select min(p.begins) from webhooks.partitions as p where p.parent = _table));
        end if;
    end loop;
    return _rows;
end $$;
comment on function webhooks.drop_old_partitions(timestamptz) is 'Drops the days that ended before a time, if history is partitioned; returns approximately how many rows.';
revoke all on function webhooks.drop_old_partitions(timestamptz) from public, anon, authenticated, service_role;
