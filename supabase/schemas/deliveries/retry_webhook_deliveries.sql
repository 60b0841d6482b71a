create or replace function webhooks.retry_webhook_deliveries(
    delivery_ids uuid[] default null,
    webhook_config_id uuid default null,
    at_most integer default 1000
)
returns jsonb
language plpgsql
-- definer: behind public.retry_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _batch integer := least(greatest(coalesce(at_most, 1000), 1), 10000);
    _ids uuid[];
    _queued uuid[];
    _retried integer;
begin
    if (delivery_ids is null) = (retry_webhook_deliveries.webhook_config_id is null) then
        raise exception 'give either delivery_ids or webhook_config_id'
            using errcode = '22023', hint = 'Pass a selection, or the endpoint whose waiting deliveries to retry.';
    end if;
    if cardinality(delivery_ids) > 1000 then
        raise exception 'at most 1,000 deliveries can be retried by one call, not %', cardinality(delivery_ids)
            using errcode = '22023', hint = 'Use replay_webhook_deliveries for more.';
    end if;
    if retry_webhook_deliveries.webhook_config_id is not null and not exists (
        select from public.webhook_configurations as c
        where c.id = retry_webhook_deliveries.webhook_config_id and c.is_active
    ) then
        raise exception 'webhook endpoint % does not exist or is inactive', retry_webhook_deliveries.webhook_config_id
            using errcode = 'PT404', hint = 'Enable it: its pending deliveries then go out automatically.';
    end if;
    -- the queue first, as when results are recorded
    if delivery_ids is not null then
        _queued := array(
            select q.delivery_id from webhooks.delivery_queue as q
            where q.delivery_id = any (delivery_ids)
            order by q.delivery_id
            for update);
        -- one that another admin retried just now is due already, and a claim may hold its place in the queue
        _ids := array(
            select d.id from public.webhook_deliveries as d
            where d.id = any (delivery_ids) and d.erased_at is null
              and (d.status in ('delivered', 'failed') or d.id = any (_queued))
            order by d.id
            for update);
    else
        _ids := array(
            select q.delivery_id from webhooks.delivery_queue as q
            where q.webhook_config_id = retry_webhook_deliveries.webhook_config_id and not q.ready and q.lease_id is null
            order by q.delivery_id
            limit _batch
            for update);
    end if;
    -- its trigger queues them
    update public.webhook_deliveries as d
    set status = 'pending', next_attempt_at = now(), finished_at = null
    from public.webhook_configurations as c
    where d.id = any (_ids) and d.status <> 'processing' and c.id = d.webhook_config_id and c.is_active;
    get diagnostics _retried = row_count;
    perform webhooks.log_action('retry_many', retry_webhook_deliveries.webhook_config_id, null,
        jsonb_build_object('retried', _retried, 'delivery_ids', to_jsonb(delivery_ids)));
    return jsonb_build_object('retried', _retried, 'more', delivery_ids is null and cardinality(_ids) = _batch);
end $$;
comment on function webhooks.retry_webhook_deliveries(uuid[], uuid, integer) is 'Behind public.retry_webhook_deliveries.';
revoke all on function webhooks.retry_webhook_deliveries(uuid[], uuid, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.retry_webhook_deliveries(uuid[], uuid, integer) to authenticated, service_role;
