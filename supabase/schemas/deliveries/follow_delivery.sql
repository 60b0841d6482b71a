create or replace function webhooks.follow_delivery()
returns trigger
language plpgsql
-- definer: callers that update a delivery hold no privilege on the queue
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if new.erased_at is not null and new.status = 'pending' then
        raise exception 'the payload of webhook delivery % was erased: it cannot be sent again', new.id
            using errcode = '22023', hint = 'Dispatch the event again.';
    end if;
    new.finished_at := case when new.status in ('delivered', 'failed') then coalesce(new.finished_at, now()) end;
    if new.status = 'pending' and (old.status <> 'pending' or new.next_attempt_at is distinct from old.next_attempt_at) then
        perform webhooks.queue_again(new.id, new.webhook_config_id, new.created_at, new.next_attempt_at);
    elsif new.status in ('delivered', 'failed') then
        delete from webhooks.delivery_queue as q where q.delivery_id = new.id;
    end if;
    if new.status = 'failed' then
        insert into webhooks.failed_deliveries (delivery_id, webhook_config_id, created_at)
        values (new.id, new.webhook_config_id, new.created_at)
        on conflict (delivery_id) do nothing;
    else
        delete from webhooks.failed_deliveries as f where f.delivery_id = new.id;
    end if;
    if new.created_at is distinct from old.created_at then
        -- the partition that it is found in
        update webhooks.delivery_queue as q set created_at = new.created_at where q.delivery_id = new.id;
        update webhooks.failed_deliveries as f set created_at = new.created_at where f.delivery_id = new.id;
    end if;
    return new;
end $$;
comment on function webhooks.follow_delivery() is 'Updates the queue when someone changes a status or a due time in webhook_deliveries.';
revoke all on function webhooks.follow_delivery() from public, anon, authenticated, service_role;
