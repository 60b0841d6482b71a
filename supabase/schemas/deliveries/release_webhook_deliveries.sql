create or replace function webhooks.release_webhook_deliveries(leases jsonb)
returns integer
language plpgsql
-- definer: behind public.release_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _ids uuid[];
    _oldest timestamptz;
    _newest timestamptz;
begin
    -- a crash of the server may lose it: the leases then expire
    perform set_config('synchronous_commit', 'off', true);
    -- locked in one order, as when results are recorded or an endpoint is deleted
    perform from webhooks.delivery_queue as q
    where q.delivery_id = any (array(select l.delivery_id from jsonb_to_recordset(leases) as l (delivery_id uuid)))
    order by q.delivery_id
    for update;
    with released as (
        update webhooks.delivery_queue as q
        set ready = true, due_at = q.leased_at, lease_id = null, leased_at = null
        from jsonb_to_recordset(leases) as l (delivery_id uuid, lease_id uuid)
        where q.delivery_id = l.delivery_id and q.lease_id = l.lease_id
        returning q.delivery_id, q.created_at
    )
    select coalesce(array_agg(r.delivery_id), '{}'), min(r.created_at), max(r.created_at) into _ids, _oldest, _newest
    from released as r;
    update public.webhook_deliveries as d
    set status = 'pending'
    where d.id = any (_ids) and d.created_at between _oldest and _newest and d.status = 'processing';
    if cardinality(_ids) > 0 then
        perform webhooks.wake_workers();
    end if;
    return cardinality(_ids);
end $$;
comment on function webhooks.release_webhook_deliveries(jsonb) is 'Behind public.release_webhook_deliveries.';
revoke all on function webhooks.release_webhook_deliveries(jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.release_webhook_deliveries(jsonb) to service_role;
