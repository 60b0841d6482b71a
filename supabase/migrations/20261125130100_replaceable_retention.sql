-- How finished deliveries go is a function of its own, so that a partitioned history (supabase/optional) can replace it.

create or replace function webhooks.purge_deliveries(finished_before timestamptz, batch_size integer)
returns integer
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
    _purged integer;
begin
    -- attempts go with their deliveries
    delete from public.webhook_deliveries as d
    where d.id = any (array(
        select f.id
        from public.webhook_deliveries as f
        where f.finished_at < finished_before
        order by f.finished_at
        limit batch_size
        for update skip locked));
    get diagnostics _purged = row_count;
    return _purged;
end $$;
comment on function webhooks.purge_deliveries(timestamptz, integer) is 'Deletes up to batch_size deliveries that finished before a moment, with their attempts; returns how many.';
revoke all on function webhooks.purge_deliveries(timestamptz, integer) from public, anon, authenticated;

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
    _purged := webhooks.purge_deliveries(_before, _batch);

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

create or replace function public.prepare_webhook_partitions()
returns integer
language sql
set search_path = ''
as $$
    select 0
$$;
comment on function public.prepare_webhook_partitions() is 'Makes the partitions of the days to come, where history is partitioned; returns how many. Called by the workers.';
revoke all on function public.prepare_webhook_partitions() from public, anon, authenticated;
grant execute on function public.prepare_webhook_partitions() to service_role;
