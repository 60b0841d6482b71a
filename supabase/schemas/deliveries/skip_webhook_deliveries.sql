create or replace function webhooks.skip_webhook_deliveries(delivery_ids uuid[])
returns jsonb
language plpgsql
-- definer: behind public.skip_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _queued uuid[];
    _skipped integer;
begin
    if coalesce(cardinality(delivery_ids), 0) not between 1 and 1000 then
        raise exception '1 to 1,000 deliveries can be skipped by one call, not %', coalesce(cardinality(delivery_ids), 0)
            using errcode = '22023', hint = 'Pass their ids as delivery_ids.';
    end if;
    -- the queue first, as when results are recorded; one that a worker is sending cannot be skipped
    _queued := array(
        select q.delivery_id from webhooks.delivery_queue as q
        where q.delivery_id = any (delivery_ids) and q.lease_id is null
        order by q.delivery_id
        for update);
    -- its trigger takes them out of the queue
    update public.webhook_deliveries as d
    set status = 'failed',
        -- customers read it
        error_message = 'skipped by ' || case when d.tenant_id is not null then 'an admin' else coalesce(webhooks.user_claims() ->> 'email', webhooks.user_sub(), webhooks.caller()) end
    where d.id = any (_queued) and d.status = 'pending';
    get diagnostics _skipped = row_count;
    perform webhooks.log_action('skip_many', null, null,
        jsonb_build_object('skipped', _skipped, 'delivery_ids', to_jsonb(delivery_ids)));
    return jsonb_build_object('skipped', _skipped);
end $$;
comment on function webhooks.skip_webhook_deliveries(uuid[]) is 'Behind public.skip_webhook_deliveries.';
revoke all on function webhooks.skip_webhook_deliveries(uuid[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.skip_webhook_deliveries(uuid[]) to authenticated, service_role;
