-- TEMPORARY, to be dropped at the merge: claim and record as they were, looking at unfinished rows only.

create or replace function public.claim_webhook_deliveries(
    batch_size integer default 100,
    lease_seconds integer default 60,
    worker text default null,
    per_endpoint integer default null,
    busy jsonb default '{}'
)
returns table (
    id uuid,
    event_type text,
    attempt integer,
    endpoint jsonb,
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
    _own integer := least(_batch, coalesce(per_endpoint, _batch));
    _unlimited uuid[];
    _limited uuid[];
    _endpoints uuid[];
    _rooms integer[];
    _share integer;
    _ids uuid[];
begin
    -- 1. take back expired leases: their workers are gone
    update public.webhook_deliveries as d
    set status = 'pending', lease_id = null, lease_expires_at = null
    where d.finished_at is null and d.id = any (array(
        select e.id
        from public.webhook_deliveries as e
        where e.status = 'processing' and e.finished_at is null and e.lease_expires_at <= _now
        order by e.lease_expires_at
        limit 1000
        for update skip locked));

    -- 2. the endpoints that may be delivered to, that have something due, and of which the worker has room for more;
    -- when there are more than fit in a batch, chance decides, so that none waits behind the others' backlog
    select coalesce(array_agg(due.id) filter (where not due.limited), '{}'),
           coalesce(array_agg(due.room) filter (where not due.limited), '{}'),
           coalesce(array_agg(due.id) filter (where due.limited), '{}')
    into _unlimited, _rooms, _limited
    from (
        select r.id, r.limited, least(_own, per_endpoint - (busy ->> r.id::text)::integer) as room
        from webhooks.ready_endpoints as r
        cross join lateral (
            select 1
            from public.webhook_deliveries as d
            where d.webhook_config_id = r.id and d.status = 'pending' and d.finished_at is null and d.next_attempt_at <= _now
            order by d.next_attempt_at
            limit 1
        ) as first
        where (r.tokens is null or r.tokens >= 1)
          and (per_endpoint is null or coalesce((busy ->> r.id::text)::integer, 0) < per_endpoint)
          -- one that has as many under way as it may must not take another's turn
          and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
        order by random()
        limit _batch
    ) as due;
    _endpoints := _unlimited;

    -- 3. the limited ones: locked, so that what they have room for is counted by one worker at a time
    if cardinality(_limited) > 0 then
        perform 1
        from public.webhook_circuits as h
        where h.webhook_config_id = any (_limited)
        order by h.webhook_config_id
        for update;
        select _endpoints || array_agg(room.id), _rooms || array_agg(room.size)
        into _endpoints, _rooms
        from (
            select r.id,
                   least(_own, per_endpoint - (busy ->> r.id::text)::integer,
                         r.places - webhooks.under_way(r.id, r.places_since, r.places), floor(r.tokens))::integer as size
            from webhooks.ready_endpoints as r
            where r.id = any (_limited)
        ) as room
        where room.size > 0;
    end if;
    if coalesce(cardinality(_endpoints), 0) = 0 then
        return;
    end if;

    -- 4. an equal share for each, its oldest first; everybody's first row comes before anybody's second, so that
    -- rounding the shares up crowds nobody out
    _share := ceil(_batch::numeric / cardinality(_endpoints));
    _ids := array(
        select s.id
        from unnest(_endpoints, _rooms) as e (id, room)
        cross join lateral (
            select l.id, l.next_attempt_at, row_number() over (order by l.next_attempt_at) as place
            from (
                select d.id, d.next_attempt_at
                from public.webhook_deliveries as d
                where d.webhook_config_id = e.id and d.status = 'pending' and d.finished_at is null and d.next_attempt_at <= _now
                order by d.next_attempt_at
                limit least(_share, e.room)
                for update skip locked
            ) as l
        ) as s
        order by s.place, s.next_attempt_at
        limit _batch);

    -- 5. what the short queues left free goes to the oldest of the others that have no limit
    if cardinality(_ids) < _batch and cardinality(_unlimited) > 0 and cardinality(_endpoints) > 1 then
        _ids := _ids || array(
            select d.id
            from public.webhook_deliveries as d
            where d.status = 'pending' and d.finished_at is null and d.id = any (array(
                select s.id
                from unnest(_unlimited, _rooms[:cardinality(_unlimited)]) as e (id, room)
                cross join lateral (
                    select d2.id, d2.next_attempt_at
                    from public.webhook_deliveries as d2
                    where d2.webhook_config_id = e.id and d2.status = 'pending' and d2.finished_at is null
                      and d2.next_attempt_at <= _now and d2.id <> all (_ids)
                    order by d2.next_attempt_at
                    -- beyond its share, which it has already got
                    limit least(_batch - cardinality(_ids), e.room - least(e.room, _share))
                ) as s
                order by s.next_attempt_at
                limit _batch - cardinality(_ids)))
            for update skip locked);
    end if;

    -- 6. what the limited ones got: their tokens are spent, and an open circuit is tried by its one request
    if cardinality(_limited) > 0 then
        update public.webhook_circuits as h
        set state = case when h.state = 'open' then 'half_open' else h.state end,
            since = case when h.state = 'open' then _now else h.since end,
            tokens = r.tokens - taken.deliveries,
            -- whoever waited for the lock began before the one that held it
            tokens_at = case when r.tokens is not null then greatest(h.tokens_at, _now) end
        from (
            select d.webhook_config_id, count(*) as deliveries
            from public.webhook_deliveries as d
            where d.id = any (_ids) and d.finished_at is null and d.webhook_config_id = any (_limited)
            group by d.webhook_config_id
        ) as taken
        join webhooks.ready_endpoints as r on r.id = taken.webhook_config_id
        where h.webhook_config_id = taken.webhook_config_id;
    end if;

    return query
    with claimed as (
        update public.webhook_deliveries as d
        set status = 'processing',
            lease_id = _lease,
            lease_expires_at = _now + make_interval(secs => greatest(coalesce(lease_seconds, 60), 1)),
            leased_at = _now,
            leased_by = worker
        where d.id = any (_ids) and d.finished_at is null
        returning d.id, d.webhook_config_id, d.event_type, d.attempts, d.payload, d.next_attempt_at
    ),
    settings as materialized (
        select c.id, webhooks.endpoint_settings(c) || jsonb_build_object('circuit', h.state, 'limited', c.id = any (_limited)) as endpoint
        from public.webhook_configurations as c
        join public.webhook_circuits as h on h.webhook_config_id = c.id
        where c.id = any (array(select distinct k.webhook_config_id from claimed as k))
    )
    select k.id, k.event_type, k.attempts + 1, s.endpoint, k.payload::text, _lease
    from claimed as k
    join settings as s on s.id = k.webhook_config_id
    order by k.next_attempt_at;
end $$;

create or replace function public.record_webhook_attempts(results jsonb, policy jsonb default '{}')
returns table (delivery_id uuid, status text, due_in_seconds double precision, accepted boolean)
language plpgsql
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
set enable_seqscan = off
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
    _late uuid[];
begin
    -- results of what is finished, if any: most calls have none, and must not look through history for it
    _late := array(
        select r.delivery_id
        from jsonb_to_recordset(results) as r (delivery_id uuid)
        except
        select d.id
        from public.webhook_deliveries as d
        where d.finished_at is null
          and d.id = any (array(select r.delivery_id from jsonb_to_recordset(results) as r (delivery_id uuid))));
    if cardinality(_late) > 0 then
        -- delivered after all: unfinished again for a moment, and recorded with the others
        update public.webhook_deliveries as d
        set finished_at = null
        where d.id = any (array(
                select r.delivery_id from jsonb_to_recordset(results) as r (delivery_id uuid, delivered boolean)
                where r.delivered and r.delivery_id = any (_late)))
          and d.finished_at is not null and d.status <> 'delivered';
        return query
        select d.id, d.status, extract(epoch from d.next_attempt_at - now())::float8, false
        from public.webhook_deliveries as d
        where d.id = any (_late) and d.finished_at is not null;
    end if;

    return query
    with result as (
        select distinct on (r.delivery_id) r.*
        from jsonb_to_recordset(results) as r (
            delivery_id uuid, lease_id uuid, attempt integer, started_at timestamptz, duration_ms integer,
            delivered boolean, permanent boolean, health text, retry_after_seconds numeric, response_status integer,
            response_excerpt text, error text, disable_reason text)
        order by r.delivery_id, r.delivered desc
    ),
    -- locked in one order, so that two workers' batches cannot deadlock
    current as materialized (
        select d.id, d.webhook_config_id, d.status, d.lease_id, d.leased_at, d.attempts, d.next_attempt_at
        from public.webhook_deliveries as d
        where d.id = any (array(select r.delivery_id from result as r)) and d.finished_at is null
        order by d.id
        for update
    ),
    -- The lease's holder decides. A result that comes after its lease was taken back, or a second time, counts
    -- only if it says that the receiver has the delivery: nothing may send that again.
    accepted as materialized (
        select r.*, c.webhook_config_id, c.leased_at, greatest(c.attempts, r.attempt) as attempts_made,
               least(greatest(coalesce(r.retry_after_seconds, 0), 0), 86400)::float8 as wait_seconds,
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
    -- again in one order, after the deliveries: as every batch does
    circuit as materialized (
        select h.*
        from public.webhook_circuits as h
        where h.webhook_config_id = any (array(select a.webhook_config_id from accepted as a))
        order by h.webhook_config_id
        for update
    ),
    -- What the batch says of each endpoint. An attempt that was claimed before the circuit's last change tells
    -- nothing of what came after. (Moments are compared on one clock only: the database's, or one worker's.)
    news as (
        select h.webhook_config_id,
               count(*) filter (where a.health in ('answered', 'failed') and a.leased_at >= h.since) as attempts,
               count(*) filter (where a.health = 'failed' and a.leased_at >= h.since) as failures,
               count(*) filter (where a.health = 'failed' and a.leased_at >= h.since
                                  and a.started_at + make_interval(secs => a.duration_ms / 1000.0) > last.answer) as failures_after_answer,
               bool_or(a.health = 'answered' and a.leased_at >= h.since) as answered,
               bool_or(a.delivered) as delivered,
               bool_or(not a.delivered and a.health is not null) as undelivered,
               max(a.wait_seconds) as wait_seconds,
               max(a.disable_reason) as disable_reason
        from circuit as h
        join accepted as a on a.webhook_config_id = h.webhook_config_id
        cross join lateral (
            select coalesce(max(b.started_at + make_interval(secs => b.duration_ms / 1000.0)), '-infinity') as answer
            from accepted as b
            where b.webhook_config_id = h.webhook_config_id and b.health = 'answered' and b.leased_at >= h.since
        ) as last
        group by h.webhook_config_id
    ),
    counted as (
        select h.webhook_config_id, h.state, n.answered, n.failures, n.delivered, n.wait_seconds,
               case when n.answered then n.failures_after_answer else h.consecutive_failures + n.failures end as consecutive,
               case when fresh.window then n.attempts else h.window_attempts + n.attempts end as attempts,
               case when fresh.window then n.failures else h.window_failures + n.failures end as window_failures,
               case when fresh.window then now() else h.window_started_at end as window_started_at,
               case
                   when n.delivered then null
                   when n.undelivered and h.undelivered_at < now() - interval '2 days' then now()
                   when n.undelivered then coalesce(h.failing_since, now())
                   else h.failing_since
               end as failing_since,
               case when n.undelivered then now() else h.undelivered_at end as undelivered_at,
               coalesce(e.circuit_failure_threshold, (policy ->> 'failure_threshold')::integer, 5) as threshold,
               coalesce(e.circuit_reset_seconds, (policy ->> 'reset_seconds')::float8, 300) as reset_seconds,
               n.disable_reason
        from circuit as h
        join news as n on n.webhook_config_id = h.webhook_config_id
        join public.webhook_configurations as e on e.id = h.webhook_config_id
        cross join lateral (
            select h.window_started_at < now() - make_interval(secs => coalesce((policy ->> 'rate_window_seconds')::float8, 60)) as window
        ) as fresh
    ),
    moved as (
        select c.*,
               case
                   when c.state = 'half_open' and c.answered then 'closed'
                   when c.state = 'half_open' and c.failures > 0 then 'open'
                   when c.state = 'closed' and (
                       c.consecutive >= c.threshold
                       or (c.attempts >= coalesce((policy ->> 'rate_minimum')::integer, 20)
                           and c.window_failures >= c.attempts * coalesce((policy ->> 'failure_rate')::float8, 0.5))) then 'open'
                   else c.state
               end as new_state
        from counted as c
    ),
    kept as (
        update public.webhook_circuits as h
        set state = m.new_state,
            since = case when m.new_state <> h.state then now() else h.since end,
            open_until = case
                when m.new_state = 'open' and h.state <> 'open' then now() + make_interval(secs => m.reset_seconds)
                when m.new_state = 'closed' then null
                else h.open_until
            end,
            consecutive_failures = m.consecutive,
            -- a circuit that closes begins a new window: what opened it must not open it again
            window_started_at = case when m.new_state <> h.state then now() else m.window_started_at end,
            window_attempts = case when m.new_state <> h.state then 0 else m.attempts end,
            window_failures = case when m.new_state <> h.state then 0 else m.window_failures end,
            failing_since = m.failing_since,
            undelivered_at = m.undelivered_at,
            paused_until = case when m.wait_seconds > 0
                then greatest(h.paused_until, now() + make_interval(secs => m.wait_seconds)) else h.paused_until end
        from moved as m
        where h.webhook_config_id = m.webhook_config_id
    ),
    disabled as (
        update public.webhook_configurations as e
        set is_active = false,
            disabled_at = now(),
            disabled_reason = coalesce(m.disable_reason, 'nothing was delivered since '
                || to_char(m.failing_since at time zone 'utc', 'YYYY-MM-DD HH24:MI') || ' UTC')
        from moved as m
        where e.id = m.webhook_config_id and e.is_active
          and (m.disable_reason is not null
               or m.failing_since < now() - make_interval(secs => coalesce((policy ->> 'disable_after_seconds')::float8, 432000)))
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
                when a.new_status = 'pending' then
                    now() + make_interval(secs => greatest(least(60, power(2, a.attempts_made)), a.wait_seconds))
                else d.next_attempt_at
            end
        from accepted as a
        where d.id = a.delivery_id and d.finished_at is null
        returning d.id, d.status, d.next_attempt_at
    )
    select c.id, coalesce(u.status, c.status),
           extract(epoch from coalesce(u.next_attempt_at, c.next_attempt_at) - now())::float8, u.id is not null
    from current as c
    left join updated as u on u.id = c.id;
end $$;
