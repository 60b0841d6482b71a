create or replace function webhooks.queue_missing_deliveries(
    batch_size integer default 10000,
    older_than interval default '1 minute'
)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
-- in the order of an index, a batch and no more
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off
as $$
declare
    _from webhooks.cursors;
    _looked integer;
    _queued integer;
    _last_at timestamptz;
    _last_id uuid;
begin
    select c.* into _from from webhooks.cursors as c where c.name = 'queue_missing' for update;
    with looked as materialized (
        select d.id, d.webhook_config_id, d.created_at, d.status, d.next_attempt_at
        from public.webhook_deliveries as d
        where (d.created_at, d.id) > (coalesce(_from.created_at, '-infinity'), coalesce(_from.id, '00000000-0000-0000-0000-000000000000'))
        order by d.created_at, d.id
        limit batch_size
    ),
    queued as (
        insert into webhooks.delivery_queue (delivery_id, webhook_config_id, created_at, due_at, ready)
        select l.id, l.webhook_config_id, l.created_at, l.next_attempt_at, l.next_attempt_at <= now()
        from looked as l
        where l.status in ('pending', 'processing')
          -- younger ones may be of a transaction whose trigger runs next
          and l.created_at <= now() - older_than
          -- by one snapshot: the row that another transaction deletes just now, with a new status, is still there
          and not exists (select from webhooks.delivery_queue as q where q.delivery_id = l.id)
        on conflict (delivery_id) do nothing
        returning 1
    ),
    failed as (
        insert into webhooks.failed_deliveries (delivery_id, webhook_config_id, created_at)
        select l.id, l.webhook_config_id, l.created_at from looked as l
        where l.status = 'failed'
          and not exists (select from webhooks.failed_deliveries as f where f.delivery_id = l.id)
        on conflict (delivery_id) do nothing
    )
    select (select count(*) from looked), (select count(*) from queued), l.created_at, l.id
    into _looked, _queued, _last_at, _last_id
    from (select 1) as one
    left join (select k.created_at, k.id from looked as k order by k.created_at desc, k.id desc limit 1) as l on true;
    insert into webhooks.cursors as c (name, created_at, id)
    values ('queue_missing', case when _looked = batch_size then _last_at end, case when _looked = batch_size then _last_id end)
    on conflict (name) do update set created_at = excluded.created_at, id = excluded.id;
    if _queued > 0 then
        perform webhooks.wake_workers();
    end if;
    return case when _looked = batch_size then _looked else 0 end;
end $$;
comment on function webhooks.queue_missing_deliveries(integer, interval) is 'Queues pending deliveries that were loaded without triggers, as a restore does: reads batch_size rows per call, from where the last call ended. 0: it has reached the end, and starts over.';
revoke all on function webhooks.queue_missing_deliveries(integer, interval) from public, anon, authenticated, service_role;
