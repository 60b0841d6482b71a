-- Retention: what is finished is deleted after some time, a batch a call, so that the tables stay as large as the
-- traffic of that time, and no transaction is long.

-- an index that cannot be made concurrently: migrations run in a transaction; it holds finished rows only
-- squawk-ignore require-concurrent-index-creation
create index if not exists idx_webhook_deliveries_finished on public.webhook_deliveries (finished_at)
where finished_at is not null;

-- what the first generation finished: it has no moment of its own
update public.webhook_deliveries as d
set finished_at = coalesce(d.last_attempt_at, d.created_at)
where d.status in ('delivered', 'failed') and d.finished_at is null;

create or replace function public.purge_webhook_history(older_than interval, batch_size integer default 1000)
returns integer
language plpgsql
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
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
    -- attempts go with their deliveries
    delete from public.webhook_deliveries as d
    where d.id = any (array(
        select f.id
        from public.webhook_deliveries as f
        where f.finished_at < _before
        order by f.finished_at
        limit _batch
        for update skip locked));
    get diagnostics _purged = row_count;

    delete from public.webhook_dispatcher_runs as r
    where r.id = any (array(
        select o.id from public.webhook_dispatcher_runs as o where o.started_at < _before order by o.started_at limit _batch));
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    delete from public.webhook_trigger_errors as e
    where e.id = any (array(
        select o.id from public.webhook_trigger_errors as o where o.occurred_at < _before order by o.occurred_at limit _batch));
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    delete from webhooks.idempotency_keys as k
    using (
        select o.scope, o.key from webhooks.idempotency_keys as o where o.created_at < _before order by o.created_at limit _batch
    ) as old
    where k.scope = old.scope and k.key = old.key;
    get diagnostics _more = row_count;
    return _purged + _more;
end $$;
comment on function public.purge_webhook_history(interval, integer) is 'Deletes up to batch_size each of finished deliveries with their attempts, dispatcher runs, trigger errors and idempotency keys that are older than so long; returns how many. Pending deliveries stay, however old.';
revoke all on function public.purge_webhook_history(interval, integer) from public, anon, authenticated;
grant execute on function public.purge_webhook_history(interval, integer) to service_role;

-- squawk-ignore require-concurrent-index-creation
create index if not exists idx_idempotency_keys_created_at on webhooks.idempotency_keys (created_at);
