create or replace function webhooks.tidy_deliveries(batch_size integer)
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
    _old uuid[];
    _open uuid[];
    _looked integer;
    _last_at timestamptz;
    _last_id uuid;
    _done integer := 0;
    _more integer;
begin
    -- a tenant's by its own index; the queue is not concerned: these are finished
    delete from public.webhook_deliveries as d
    where d.id = any (array(
        select o.id
        from public.webhook_tenant_limits as l
        cross join lateral (
            select k.id
            from public.webhook_deliveries as k
            where k.tenant_id = l.tenant_id and k.created_at < now() - l.keep_for
              and k.status in ('delivered', 'failed') and k.finished_at < now() - l.keep_for
            order by k.created_at desc, k.id desc
            limit batch_size
        ) as o
        where l.keep_for is not null and l.tenant_id <> ''
        limit batch_size))
      -- looked at again, once a retry that holds the row has committed
      and d.status in ('delivered', 'failed');
    get diagnostics _done = row_count;

    if not exists (select from public.webhook_event_types as t where t.keep_for is not null or t.redact is not null) then
        return _done;
    end if;
    -- by type there is no index, which would cost every delivery: a window at a time, from the cursor on
    select c.* into _from from webhooks.cursors as c where c.name = 'tidy' for update;
    with looked as materialized (
        select d.id, d.created_at, d.event_type, d.status, d.finished_at, d.erased_at
        from public.webhook_deliveries as d
        where (d.created_at, d.id) > (coalesce(_from.created_at, '-infinity'), coalesce(_from.id, '00000000-0000-0000-0000-000000000000'))
        order by d.created_at, d.id
        limit batch_size
    )
    select array_agg(l.id) filter (where l.status in ('delivered', 'failed') and l.finished_at < now() - t.keep_for),
           array_agg(l.id) filter (where l.status = 'delivered' and l.erased_at is null and t.redact is not null),
           count(*), (array_agg(l.created_at order by l.created_at desc, l.id desc))[1],
           (array_agg(l.id order by l.created_at desc, l.id desc))[1]
    into _old, _open, _looked, _last_at, _last_id
    from looked as l
    left join public.webhook_event_types as t on t.name = l.event_type;
    delete from public.webhook_deliveries as d where d.id = any (_old) and d.status in ('delivered', 'failed');
    get diagnostics _more = row_count;
    _done := _done + _more;
    update public.webhook_deliveries as d
    set payload = webhooks.redacted(d.payload, t.redact), erased_at = now()
    from public.webhook_event_types as t
    where d.id = any (_open) and d.status = 'delivered' and t.name = d.event_type
      -- what has none of the fields is as it was sent, and can be sent again
      and webhooks.redacted(d.payload, t.redact) <> d.payload;
    get diagnostics _more = row_count;
    if _looked < batch_size then
        -- the end: the next call begins at the oldest again
        _last_at := null;
        _last_id := null;
    end if;
    insert into webhooks.cursors as c (name, created_at, id) values ('tidy', _last_at, _last_id)
    on conflict (name) do update set created_at = excluded.created_at, id = excluded.id;
    return _done + _more;
end $$;
comment on function webhooks.tidy_deliveries(integer) is 'Deletes finished deliveries whose tenant or event type has a shorter time than the others, and redacts delivered ones; how many. A window of batch_size per call.';
revoke all on function webhooks.tidy_deliveries(integer) from public, anon, authenticated, service_role;
