-- Claims of many rows: an endpoint's settings are handed out once a batch, and a batch is bounded in bytes as well as in
-- rows. Only unfinished rows are looked at, whatever history there is.

-- one more parameter makes another function: two of one name would be ambiguous to the REST API
-- squawk-ignore ban-drop-function
drop function public.claim_webhook_deliveries(integer, integer, text, integer, jsonb);
create function public.claim_webhook_deliveries(
    batch_size integer default 100,
    lease_seconds integer default 60,
    worker text default null,
    per_endpoint integer default null,
    busy jsonb default '{}',
    endpoints_once boolean default false
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
-- Planned anew each time, 0.6 ms of a call: a kept plan that was made while the table had a few rows reads a whole
-- index for each row, until the next analyze. A scan of the whole table is never right here, whatever stale
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
    -- of payloads
    _bytes constant integer := 4194304;
    _own integer := least(_batch, coalesce(per_endpoint, _batch));
    _unlimited uuid[];
    _limited uuid[];
    _endpoints uuid[];
    _rooms integer[];
    _share integer;
    _ids uuid[];
begin
    -- 1. take back expired leases: their workers are gone
    _ids := array(
        select e.id
        from public.webhook_deliveries as e
        where e.status = 'processing' and e.lease_expires_at <= _now and e.finished_at is null
        order by e.lease_expires_at
        limit 1000
        for update skip locked);
    if cardinality(_ids) > 0 then
        update public.webhook_deliveries as d
        set status = 'pending', lease_id = null, lease_expires_at = null
        where d.id = any (_ids) and d.finished_at is null;
    end if;

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
            where d.webhook_config_id = r.id and d.status = 'pending' and d.next_attempt_at <= _now
              and d.finished_at is null
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
                where d.webhook_config_id = e.id and d.status = 'pending' and d.next_attempt_at <= _now
                  and d.finished_at is null
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
                    where d2.webhook_config_id = e.id and d2.status = 'pending'
                      and d2.next_attempt_at <= _now and d2.finished_at is null
                      and d2.id <> all (_ids)
                    order by d2.next_attempt_at
                    -- beyond its share, which it has already got
                    limit least(_batch - cardinality(_ids), e.room - least(e.room, _share))
                ) as s
                order by s.next_attempt_at
                limit _batch - cardinality(_ids)))
            for update skip locked);
    end if;

    -- 6. no more than what the REST API and the worker can hold at once, in the order in which they are given
    _ids := array(
        select s.id
        from (
            select sized.id, sized.place, sum(sized.bytes) over (order by sized.place) - sized.bytes as bytes_before
            from (
                select chosen.id, chosen.place, d.bytes
                from unnest(_ids) with ordinality as chosen (id, place)
                join (
                    select e.id,
                           -- as text, where compression may hide how long that is
                           case
                               when pg_column_size(e.payload) < 1000 then pg_column_size(e.payload)
                               else octet_length(e.payload::text)
                           end as bytes
                    from public.webhook_deliveries as e
                    where e.id = any (_ids) and e.finished_at is null
                    offset 0
                ) as d on d.id = chosen.id
            ) as sized
        ) as s
        where s.bytes_before < _bytes
        order by s.place);

    -- 7. what the limited ones got: their tokens are spent, and an open circuit is tried by its one request
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
    select o.id, o.event_type, o.attempts + 1,
           case
               when not endpoints_once or o.turn = 1 then s.endpoint
               else jsonb_build_object('id', s.id)
           end,
           o.payload::text, _lease
    from (
        select k.*, row_number() over (partition by k.webhook_config_id order by k.next_attempt_at) as turn from claimed as k
    ) as o
    join settings as s on s.id = o.webhook_config_id
    order by o.next_attempt_at, o.turn;
end $$;
comment on function public.claim_webhook_deliveries(integer, integer, text, integer, jsonb, boolean) is 'Leases up to batch_size due deliveries, an equal share for each endpoint within its limits, and returns all that is needed to deliver them. Takes back expired leases. busy: how many deliveries of each endpoint the worker has in flight; per_endpoint: how many it may have. endpoints_once: an endpoint''s settings stand in its first row, its others have the id alone.';
revoke all on function public.claim_webhook_deliveries(integer, integer, text, integer, jsonb, boolean) from public, anon, authenticated;
grant execute on function public.claim_webhook_deliveries(integer, integer, text, integer, jsonb, boolean) to service_role;
