create or replace function webhooks.purge_deliveries(finished_before timestamptz, batch_size integer)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
-- in the order of an index, a window and no more
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
    _from webhooks.cursors;
    _window integer := batch_size * 10;
    _looked integer;
    _purged integer;
    _last_at timestamptz;
    _last_id uuid;
    _dropped bigint := webhooks.drop_old_partitions(finished_before);
begin
    if _dropped > 0 then
        return least(_dropped, 2147483647);
    end if;
    -- By the time of creation, since an index on finished_at would cost every delivery. What is old and not finished is
    -- skipped, one window per call: the cursor keeps it from being read again by the next one.
    select c.* into _from from webhooks.cursors as c where c.name = 'purge' for update;
    with looked as materialized (
        select d.id, d.created_at,
               d.status in ('delivered', 'failed')
                   and coalesce(d.finished_at, d.last_attempt_at, d.created_at) < finished_before as old
        from public.webhook_deliveries as d
        where d.created_at < finished_before
          and (d.created_at, d.id) > (coalesce(_from.created_at, '-infinity'), coalesce(_from.id, '00000000-0000-0000-0000-000000000000'))
        order by d.created_at, d.id
        limit _window
    ),
    chosen as (
        select l.id, l.created_at from looked as l where l.old order by l.created_at, l.id limit batch_size
    ),
    purged as (
        -- attempts go with their deliveries
        delete from public.webhook_deliveries as d
        where d.id = any (array(select k.id from chosen as k))
          and d.created_at < finished_before
          and d.status in ('delivered', 'failed')
        returning d.id
    ),
    last as (
        select l.created_at, l.id from looked as l where (select count(*) from chosen) < batch_size
        union all
        select k.created_at, k.id from chosen as k
        order by 1 desc, 2 desc
        limit 1
    )
    select (select count(*) from looked), (select count(*) from purged), last.created_at, last.id
    into _looked, _purged, _last_at, _last_id
    from (select 1) as one
    left join last on true;
    if _looked < _window and _purged < batch_size then
        -- the end: the next call begins at the oldest again
        _last_at := null;
        _last_id := null;
    end if;
    insert into webhooks.cursors as c (name, created_at, id) values ('purge', _last_at, _last_id)
    on conflict (name) do update set created_at = excluded.created_at, id = excluded.id;
    return _purged;
end $$;
comment on function webhooks.purge_deliveries(timestamptz, integer) is 'Deletes deliveries that finished before a time, with their attempts, up to batch_size per call; 0: none among the next ten times as many. If history is partitioned, it drops whole days. Replace it to keep history elsewhere.';
revoke all on function webhooks.purge_deliveries(timestamptz, integer) from public, anon, authenticated, service_role;
