-- What a worker calls: claim a batch, record its results, give back what it did not get to.

create or replace function public.claim_webhook_deliveries(
    batch_size integer default 100,
    lease_seconds integer default 60,
    worker text default null
)
returns table (
    id uuid,
    webhook_config_id uuid,
    event_type text,
    attempt integer,
    url text,
    secret_key text,
    body text,
    lease_id uuid
)
language plpgsql
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
-- Each statement is planned for its actual limit: a generic plan guesses a tenth of the table, and falls from
-- 2 ms to 300 ms at a million pending rows. A scan of the whole table is never right here, whatever stale
-- statistics say of a queue.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
    _now timestamptz := now();
    _lease uuid := gen_random_uuid();
    _batch integer := least(greatest(coalesce(batch_size, 100), 1), 1000);
    _endpoints uuid[];
    _share integer;
    _ids uuid[];
begin
    -- 1. take back expired leases: their workers are gone
    update public.webhook_deliveries as d
    set status = 'pending', lease_id = null, lease_expires_at = null
    where d.id = any (array(
        select e.id
        from public.webhook_deliveries as e
        where e.status = 'processing' and e.lease_expires_at <= _now
        order by e.lease_expires_at
        limit 1000
        for update skip locked));

    -- 2. the endpoints that have something due; when there are more than fit in a batch, chance decides, so that
    -- none waits behind the others' backlog
    _endpoints := array(
        select c.id
        from public.webhook_configurations as c
        cross join lateral (
            select 1
            from public.webhook_deliveries as d
            where d.webhook_config_id = c.id and d.status = 'pending' and d.next_attempt_at <= _now
            order by d.next_attempt_at
            limit 1
        ) as due
        where c.is_active
        order by random()
        limit _batch);
    if cardinality(_endpoints) = 0 then
        return;
    end if;

    -- 3. an equal share for each, its oldest first; everybody's first row comes before anybody's second, so that
    -- rounding the shares up crowds nobody out
    _share := ceil(_batch::numeric / cardinality(_endpoints));
    _ids := array(
        select s.id
        from unnest(_endpoints) as e (id)
        cross join lateral (
            select l.id, l.next_attempt_at, row_number() over (order by l.next_attempt_at) as place
            from (
                select d.id, d.next_attempt_at
                from public.webhook_deliveries as d
                where d.webhook_config_id = e.id and d.status = 'pending' and d.next_attempt_at <= _now
                order by d.next_attempt_at
                limit _share
                for update skip locked
            ) as l
        ) as s
        order by s.place, s.next_attempt_at
        limit _batch);

    -- 4. what the short queues left free goes to the oldest of the others
    if cardinality(_ids) < _batch and cardinality(_endpoints) > 1 then
        _ids := _ids || array(
            select d.id
            from public.webhook_deliveries as d
            where d.status = 'pending' and d.id = any (array(
                select s.id
                from unnest(_endpoints) as e (id)
                cross join lateral (
                    select d2.id, d2.next_attempt_at
                    from public.webhook_deliveries as d2
                    where d2.webhook_config_id = e.id and d2.status = 'pending'
                      and d2.next_attempt_at <= _now and d2.id <> all (_ids)
                    order by d2.next_attempt_at
                    limit _batch - cardinality(_ids)
                ) as s
                order by s.next_attempt_at
                limit _batch - cardinality(_ids)))
            for update skip locked);
    end if;

    return query
    with claimed as (
        update public.webhook_deliveries as d
        set status = 'processing',
            lease_id = _lease,
            lease_expires_at = _now + make_interval(secs => greatest(coalesce(lease_seconds, 60), 1)),
            leased_by = worker
        where d.id = any (_ids)
        returning d.id, d.webhook_config_id, d.event_type, d.attempts, d.payload, d.next_attempt_at
    )
    select k.id, k.webhook_config_id, k.event_type, k.attempts + 1, c.url, c.secret_key, k.payload::text, _lease
    from claimed as k
    join public.webhook_configurations as c on c.id = k.webhook_config_id
    order by k.next_attempt_at;
end $$;
comment on function public.claim_webhook_deliveries(integer, integer, text) is 'Leases up to batch_size due deliveries, an equal share for each endpoint, and returns all that is needed to deliver them. Takes back expired leases.';
revoke all on function public.claim_webhook_deliveries(integer, integer, text) from public, anon, authenticated;
grant execute on function public.claim_webhook_deliveries(integer, integer, text) to service_role;

create or replace function public.record_webhook_attempts(results jsonb)
returns table (delivery_id uuid, status text, due_in_seconds double precision, accepted boolean)
language sql
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
    with result as (
        select distinct on (r.delivery_id) r.*
        from jsonb_to_recordset(results) as r (
            delivery_id uuid, lease_id uuid, attempt integer, started_at timestamptz, duration_ms integer,
            delivered boolean, permanent boolean, retry_after_seconds numeric, response_status integer,
            response_excerpt text, error text, disable_reason text)
        order by r.delivery_id, r.delivered desc
    ),
    -- locked in one order, so that two workers' batches cannot deadlock
    current as materialized (
        select d.id, d.webhook_config_id, d.status, d.lease_id, d.attempts, d.next_attempt_at
        from public.webhook_deliveries as d
        where d.id = any (array(select r.delivery_id from result as r))
        order by d.id
        for update
    ),
    -- The lease's holder decides. A result that comes after its lease was taken back, or a second time, counts
    -- only if it says that the receiver has the delivery: nothing may send that again.
    accepted as (
        select r.*, c.webhook_config_id, greatest(c.attempts, r.attempt) as attempts_made,
               case
                   when r.delivered then 'delivered'
                   when r.permanent or greatest(c.attempts, r.attempt) >= e.max_attempts then 'failed'
                   else 'pending'
               end as new_status
        from result as r
        join current as c on c.id = r.delivery_id
        join public.webhook_configurations as e on e.id = c.webhook_config_id
        where (c.status = 'processing' and c.lease_id = r.lease_id)
           or (r.delivered and c.status <> 'delivered')
    ),
    logged as (
        insert into public.webhook_attempts
            (delivery_id, number, started_at, duration_ms, delivered, response_status, response_excerpt, error)
        select a.delivery_id, a.attempt, a.started_at, a.duration_ms, a.delivered, a.response_status,
               a.response_excerpt, a.error
        from accepted as a
        on conflict do nothing
    ),
    disabled as (
        update public.webhook_configurations as e
        set is_active = false, disabled_at = now(), disabled_reason = a.disable_reason
        from accepted as a
        where e.id = a.webhook_config_id and a.disable_reason is not null and e.is_active
    ),
    updated as (
        update public.webhook_deliveries as d
        set status = a.new_status,
            attempts = a.attempts_made,
            last_attempt_at = a.started_at,
            response_status = a.response_status,
            response_body = a.response_excerpt,
            error_message = a.error,
            lease_id = null,
            lease_expires_at = null,
            finished_at = case when a.new_status <> 'pending' then now() end,
            -- 2^n seconds after attempt n, at most 60; a longer wait that the receiver asked for is kept
            next_attempt_at = case
                when a.new_status = 'pending' then now() + make_interval(secs => greatest(
                    least(60, power(2, a.attempts_made)), least(coalesce(a.retry_after_seconds, 0), 86400)::float8))
                else d.next_attempt_at
            end
        from accepted as a
        where d.id = a.delivery_id
        returning d.id, d.status, d.next_attempt_at
    )
    select c.id, coalesce(u.status, c.status),
           extract(epoch from coalesce(u.next_attempt_at, c.next_attempt_at) - now())::float8, u.id is not null
    from current as c
    left join updated as u on u.id = c.id
$$;
comment on function public.record_webhook_attempts(jsonb) is 'Records a batch of attempts: logs each, and moves its delivery to delivered, back to pending with backoff, or failed. The same result twice changes nothing.';
revoke all on function public.record_webhook_attempts(jsonb) from public, anon, authenticated;
grant execute on function public.record_webhook_attempts(jsonb) to service_role;

create or replace function public.release_webhook_deliveries(leases jsonb)
returns integer
language plpgsql
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
as $$
declare
    _released integer;
begin
    update public.webhook_deliveries as d
    set status = 'pending', lease_id = null, lease_expires_at = null
    from jsonb_to_recordset(leases) as l (delivery_id uuid, lease_id uuid)
    where d.id = l.delivery_id and d.lease_id = l.lease_id and d.status = 'processing';
    get diagnostics _released = row_count;
    return _released;
end $$;
comment on function public.release_webhook_deliveries(jsonb) is 'Gives back leased deliveries that were not attempted: [{"delivery_id", "lease_id"}]. They are due again at once.';
revoke all on function public.release_webhook_deliveries(jsonb) from public, anon, authenticated;
grant execute on function public.release_webhook_deliveries(jsonb) to service_role;
