create or replace function webhooks.claim_for_webhook_listener(listener uuid, batch_size integer default 20)
returns json
language plpgsql
-- definer: behind public.claim_for_webhook_listener, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- as in the workers' claim: one index will do for each statement, whatever the statistics say about a queue
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
    _lease uuid := gen_random_uuid();
    _ids uuid[];
    _oldest timestamptz;
    _newest timestamptz;
    _claimed json;
begin
    perform webhooks.renew_listener(claim_for_webhook_listener.listener);
    -- what has become due, and what an earlier call claimed and never reported: no worker may be running that does this
    update webhooks.delivery_queue as q
    set ready = true, lease_id = null, leased_at = null
    where q.delivery_id = any (array(
        select n.delivery_id
        from webhooks.delivery_queue as n
        where n.webhook_config_id = claim_for_webhook_listener.listener and not n.ready and n.due_at <= now()
        limit 1000
        for update skip locked));
    select coalesce(array_agg(l.delivery_id), '{}'), min(l.created_at), max(l.created_at)
    into _ids, _oldest, _newest
    from (
        select q.delivery_id, q.created_at
        from webhooks.delivery_queue as q
        where q.webhook_config_id = claim_for_webhook_listener.listener and q.ready
        order by q.due_at
        limit least(greatest(coalesce(batch_size, 20), 1), 20)
        for update skip locked
    ) as l;
    update webhooks.delivery_queue as q
    set ready = false, lease_id = _lease, leased_at = now(), leased_by = 'webhooks listen',
        -- longer than an app under development may stop at a breakpoint, and no one else waits for it
        due_at = now() + interval '10 minutes'
    where q.delivery_id = any (_ids);
    with claimed as (
        update public.webhook_deliveries as d
        set status = 'processing'
        where d.id = any (_ids) and d.created_at between _oldest and _newest and d.status in ('pending', 'processing')
        returning d.id, d.event_type, d.attempts, d.payload, d.next_attempt_at
    )
    select json_agg(json_build_object(
        'id', k.id, 'event_type', k.event_type, 'attempt', k.attempts + 1, 'lease_id', _lease, 'body', k.payload::text)
        order by k.next_attempt_at)
    into _claimed
    from claimed as k;
    return json_build_object('deliveries', coalesce(_claimed, '[]'));
end $$;
comment on function webhooks.claim_for_webhook_listener(uuid, integer) is 'Behind public.claim_for_webhook_listener.';
revoke all on function webhooks.claim_for_webhook_listener(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.claim_for_webhook_listener(uuid, integer) to authenticated, service_role;
