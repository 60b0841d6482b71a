create or replace function webhooks.purge_webhook_history(older_than interval, batch_size integer default 1000)
returns integer
language plpgsql
-- definer: behind public.purge_webhook_history, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
    _before timestamptz := now() - older_than;
    _batch integer := least(greatest(coalesce(batch_size, 1000), 1), 10000);
    _purged integer;
    _more integer;
begin
    if older_than is null or older_than < interval '0' then
        raise exception 'older_than must be an interval above 0, not %', coalesce(older_than::text, 'null')
            using errcode = '22023';
    end if;
    -- first, while this holds nothing that others wait for
    perform webhooks.delete_expired_listeners();
    _purged := webhooks.purge_deliveries(_before, _batch);
    _purged := _purged + webhooks.tidy_deliveries(_batch);
    perform webhooks.expire_held_deliveries(_batch);
    -- a minute's share of the search for rows that were loaded without triggers
    perform webhooks.queue_missing_deliveries(_batch);

    -- without waiting: those who record late results lock these rows in an order of their own
    delete from webhooks.delivery_rollups as o
    where o.ctid = any (array(
        select r.ctid
        from webhooks.delivery_rollups as r
        where r.hour < _before - interval '1 hour'
        order by r.hour
        limit _batch
        for update skip locked));
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    -- but the newest: a cron that has stopped is not one that was never set up
    delete from public.webhook_dispatcher_runs as r
    where r.id = any (array(
        select o.id from public.webhook_dispatcher_runs as o where o.started_at < _before order by o.started_at limit _batch))
      and r.started_at < (select max(n.started_at) from public.webhook_dispatcher_runs as n);
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    delete from public.webhook_trigger_errors as e
    where e.id = any (array(
        select o.id from public.webhook_trigger_errors as o where o.occurred_at < _before order by o.occurred_at limit _batch));
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    delete from webhooks.sign_in_tries as t
    where t.pair = any (array(
        select o.pair from webhooks.sign_in_tries as o where o.since < now() - interval '15 minutes' order by o.since limit _batch));
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    -- what servers and API tokens dispatched: as many rows as events; what people did is kept
    delete from public.webhook_admin_actions as a
    where a.id = any (array(
        select o.id from public.webhook_admin_actions as o
        where o.action = 'dispatch' and o.actor_id is null and o.acted_at < _before order by o.acted_at limit _batch));
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    perform webhooks.forget_dropped_tables();

    delete from webhooks.idempotency_keys as k
    using (
        select o.scope, o.key from webhooks.idempotency_keys as o where o.created_at < _before order by o.created_at limit _batch
    ) as old
    where k.scope = old.scope and k.key = old.key;
    get diagnostics _more = row_count;
    return _purged + _more;
end $$;
comment on function webhooks.purge_webhook_history(interval, integer) is 'Behind public.purge_webhook_history.';
revoke all on function webhooks.purge_webhook_history(interval, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.purge_webhook_history(interval, integer) to service_role;
