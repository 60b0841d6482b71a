create or replace function webhooks.purge_deliveries(finished_before timestamptz, batch_size integer)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
    _from webhooks.cursors;
    _looked integer;
    _purged integer;
    _last_at timestamptz;
    _last_id uuid;
begin
    -- By the time of creation, since an index on finished_at would cost every delivery. What is old and not finished is
    -- passed over: the cursor keeps it from being read by every call.
    select c.* into _from from webhooks.cursors as c where c.name = 'purge' for update;
    with looked as materialized (
        select d.id, d.created_at, d.status, coalesce(d.finished_at, d.last_attempt_at, d.created_at) as finished
        from public.webhook_deliveries as d
        where d.created_at < finished_before
          and (d.created_at, d.id) > (coalesce(_from.created_at, '-infinity'), coalesce(_from.id, '00000000-0000-0000-0000-000000000000'))
        order by d.created_at, d.id
        limit batch_size
    ),
    purged as (
        -- attempts go with their deliveries
        delete from public.webhook_deliveries as d
        where d.id = any (array(
            select l.id from looked as l where l.status in ('delivered', 'failed') and l.finished < finished_before))
          and d.created_at < finished_before
          and d.status in ('delivered', 'failed')
        returning d.id
    )
    select (select count(*) from looked), (select count(*) from purged), l.created_at, l.id
    into _looked, _purged, _last_at, _last_id
    from (select 1) as one
    left join (select k.created_at, k.id from looked as k order by k.created_at desc, k.id desc limit 1) as l on true;
    insert into webhooks.cursors as c (name, created_at, id) values ('purge', _last_at, _last_id)
    on conflict (name) do update set created_at = excluded.created_at, id = excluded.id;
    if _looked < batch_size then
        -- the end: the next call begins at the oldest again
        update webhooks.cursors as c set created_at = null, id = null where c.name = 'purge';
    end if;
    -- what was looked at in vain counts, so that the caller goes on to the end
    return case when _looked < batch_size then _purged else greatest(_purged, 1) end;
end $$;
comment on function webhooks.purge_deliveries(timestamptz, integer) is 'Deletes deliveries that finished before a moment, with their attempts, up to batch_size a call. 0: nothing is left. Replace it to keep history elsewhere.';
revoke all on function webhooks.purge_deliveries(timestamptz, integer) from public, anon, authenticated, service_role;
