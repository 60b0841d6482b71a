create or replace function webhooks.retry_webhook_delivery(delivery_id uuid)
returns jsonb
language plpgsql
-- definer: behind public.retry_webhook_delivery, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _delivery public.webhook_deliveries;
    _endpoint public.webhook_configurations;
    _queued boolean;
begin
    -- the queue first, as when results are recorded
    perform from webhooks.delivery_queue as q where q.delivery_id = retry_webhook_delivery.delivery_id for update;
    _queued := found;
    select d.* into _delivery
    from public.webhook_deliveries as d
    where d.id = retry_webhook_delivery.delivery_id
    for update;
    if not found then
        raise exception 'webhook delivery % does not exist', retry_webhook_delivery.delivery_id
            using errcode = 'PT404', hint = 'The deliveries are in the table public.webhook_deliveries.';
    end if;
    select c.* into _endpoint from public.webhook_configurations as c where c.id = _delivery.webhook_config_id;
    if _endpoint.deleted_at is not null then
        raise exception 'webhook endpoint "%" was deleted', _endpoint.name
            using errcode = '22023', hint = 'Its history can be read. To deliver there again, create an endpoint and dispatch the event.';
    end if;
    if not _endpoint.is_active then
        raise exception 'webhook endpoint "%" is inactive', _endpoint.name
            using errcode = '22023', hint = 'Enable it: its pending deliveries then go out automatically.';
    end if;
    if _delivery.status = 'processing' then
        raise exception 'webhook delivery % is in progress', _delivery.id
            using errcode = '22023', hint = 'Wait for its result.';
    end if;
    -- the attempts stay: this one continues their numbers, and after it the delivery is delivered or failed again
    -- its trigger queues it
    update public.webhook_deliveries as d
    set status = 'pending', next_attempt_at = now(), finished_at = null
    where d.id = _delivery.id
      -- one that another admin retried just now is due already, and a claim may hold its place in the queue
      and (_queued or d.status <> 'pending');
    perform webhooks.log_action('retry', _delivery.webhook_config_id, _delivery.id,
        jsonb_build_object('status', _delivery.status, 'attempts', _delivery.attempts));
    return jsonb_build_object('delivery_id', _delivery.id, 'status', 'pending', 'attempts', _delivery.attempts);
end $$;
comment on function webhooks.retry_webhook_delivery(uuid) is 'Behind public.retry_webhook_delivery.';
revoke all on function webhooks.retry_webhook_delivery(uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.retry_webhook_delivery(uuid) to authenticated, service_role;
