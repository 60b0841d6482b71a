create or replace function webhooks.delete_webhook_endpoint(webhook_config_id uuid, keep_history boolean default false)
returns jsonb
language plpgsql
-- definer: behind public.delete_webhook_endpoint, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- a second or so of locks, on a database that is busy
    _batch constant integer := 5000;
    _endpoint public.webhook_configurations;
    _ids uuid[];
    _queued uuid[];
    _left integer;
    _done integer;
begin
    select c.* into _endpoint
    from public.webhook_configurations as c
    where c.id = delete_webhook_endpoint.webhook_config_id;
    if not found then
        raise exception 'webhook endpoint % does not exist', delete_webhook_endpoint.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;
    -- 1. Disable it, and nothing else: once this has committed, nothing new is claimed, and no result that is recorded
    -- wants the endpoint's row, so that what follows waits for others but never in a circle.
    if _endpoint.is_active then
        update public.webhook_configurations as c set is_active = false where c.id = _endpoint.id;
        perform webhooks.log_action('update_endpoint', _endpoint.id, null, '{"is_active": false}');
        return jsonb_build_object('id', _endpoint.id, 'deliveries', 0, 'more', true);
    end if;
    -- 2. its deliveries: the queue first and in the order of ids, as when results are recorded
    _ids := case
        when keep_history then array(
            select q.delivery_id from webhooks.delivery_queue as q
            where q.webhook_config_id = _endpoint.id
            order by q.delivery_id limit _batch)
        else array(
            select d.id from public.webhook_deliveries as d
            where d.webhook_config_id = _endpoint.id
            order by d.created_at desc, d.id desc limit _batch)
    end;
    _left := cardinality(_ids);
    _queued := array(
        select q.delivery_id from webhooks.delivery_queue as q
        where q.delivery_id = any (_ids)
        order by q.delivery_id
        for update);
    -- one that was queued just now is left to the next call: a claim may hold its place in the queue already
    _ids := array(
        select d.id from public.webhook_deliveries as d
        where d.id = any (_ids) and (d.status in ('delivered', 'failed') or d.id = any (_queued))
        order by d.id
        for update);
    _left := _left - cardinality(_ids);
    if keep_history then
        -- what will not be sent any more has failed; its trigger removes it from the queue
        update public.webhook_deliveries as d
        set status = 'failed', error_message = 'the endpoint was deleted'
        where d.id = any (_ids) and d.status in ('pending', 'processing');
    else
        -- attempts and the queue's rows go with them
        delete from public.webhook_deliveries as d where d.id = any (_ids);
    end if;
    get diagnostics _done = row_count;
    if cardinality(_ids) = _batch or _left > 0 then
        return jsonb_build_object('id', _endpoint.id, 'deliveries', _done, 'more', true);
    end if;
    -- 3. the endpoint, with its circuit and its secrets; the circuit first, as when results are recorded
    perform from public.webhook_circuits as h where h.webhook_config_id = _endpoint.id for update;
    if keep_history then
        update public.webhook_configurations as c
        set deleted_at = coalesce(c.deleted_at, now())
        where c.id = _endpoint.id and not c.is_active;
    else
        delete from public.webhook_configurations as c where c.id = _endpoint.id and not c.is_active;
    end if;
    if not found then
        -- someone enabled it in the meantime
        return jsonb_build_object('id', _endpoint.id, 'deliveries', _done, 'more', true);
    end if;
    if not keep_history then
        delete from webhooks.delivery_rollups as o where o.webhook_config_id = _endpoint.id;
    end if;
    perform webhooks.log_action('delete_endpoint', _endpoint.id, null, jsonb_build_object('keep_history', keep_history));
    return jsonb_build_object('id', _endpoint.id, 'deliveries', _done, 'more', false);
end $$;
comment on function webhooks.delete_webhook_endpoint(uuid, boolean) is 'Behind public.delete_webhook_endpoint.';
revoke all on function webhooks.delete_webhook_endpoint(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function webhooks.delete_webhook_endpoint(uuid, boolean) to authenticated, service_role;
