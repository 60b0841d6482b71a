create or replace function webhooks.claim_webhook_deliveries(
    batch_size integer default 100,
    lease_seconds integer default 60,
    worker text default null,
    per_endpoint integer default null,
    busy jsonb default '{}',
    project text default null,
    quiet_ms integer default null
)
returns json
language plpgsql
-- definer: behind public.claim_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- Plans are kept, which saves 0.6 ms a call. They are made while the tables may have a few rows, so each statement here
-- is written such that only one index will do, row by row: a scan of a whole table or index is never right, whatever
-- stale statistics say about a queue. For webhook_deliveries that holds from some size on.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
    _now timestamptz := now();
    _lease uuid := gen_random_uuid();
    _batch integer := least(greatest(coalesce(batch_size, 100), 1), 1000);
    -- of payloads
    _bytes constant integer := 4194304;
    _held jsonb := webhooks.hold_for(project);
    _start uuid := gen_random_uuid();
    _expired uuid[];
    _unlimited uuid[];
    _limited uuid[];
    _endpoints uuid[];
    _rooms integer[];
    _share integer;
    _crowded text[];
    _ids uuid[];
    _oldest timestamptz;
    _newest timestamptz;
    _claimed json;
    _settings jsonb;
    _count integer;
    _chosen integer;
    -- whether plans of what reads webhook_deliveries are kept, and the setting for that
    _kept boolean;
    _mode text;
    -- seconds after which another claim may find more, at the latest; null: that depends on the queue
    _again double precision;
begin
    if _held is not null then
        return json_build_object('held', _held, 'lease_id', null, 'endpoints', '[]'::json, 'deliveries', '[]'::json,
                                 'due_in_seconds', null, 'unchecked_urls', false);
    end if;
    -- A crash of the server may forget the claim: it was not made then, and its deliveries are claimed again. A function's
    -- own setting would end before the commit.
    perform set_config('synchronous_commit', 'off', true);
    if quiet_ms is not null then
        -- first the quiet that begins or ends, then the look at who relied on the one before (webhooks.wake_workers), then
        -- the look at the queue: by statements of their own, each of which sees what was committed before it
        perform setval('webhooks.wake_ups', floor(extract(epoch from clock_timestamp()) * 1000)::bigint + quiet_ms);
        if not pg_try_advisory_xact_lock(8604251837184701473) then
            _again := 0.02;
        end if;
    end if;

    -- 1. what has become due: retries, and expired leases, whose workers have stopped
    select array_agg(l.delivery_id), array_agg(l.delivery_id) filter (where l.lease_id is not null),
           min(l.created_at), max(l.created_at)
    into _ids, _expired, _oldest, _newest
    from (
        select q.delivery_id, q.lease_id, q.created_at
        from webhooks.delivery_queue as q
        where not q.ready and q.due_at <= _now
        order by q.due_at
        limit 1000
        for update skip locked
    ) as l;
    if _ids is not null then
        update webhooks.delivery_queue as q
        set ready = true, lease_id = null, leased_at = null
        where q.delivery_id = any (_ids);
    end if;
    if _expired is not null then
        perform set_config('plan_cache_mode', 'force_custom_plan', true);
        update public.webhook_deliveries as d
        set status = 'pending'
        where d.id = any (_expired) and d.created_at between _oldest and _newest and d.status = 'processing';
        perform set_config('plan_cache_mode', 'force_generic_plan', true);
    end if;

    -- 2. the tenants whose deliveries have taken as many places of the worker as five endpoints may have: receivers that
    -- respond slowly must not take all of them. More of theirs when there are fewer, which nothing announces
    if (select sum(b.value::integer) from jsonb_each_text(busy) as b) >= 5 * per_endpoint then
        _crowded := array(
            select c.tenant_id
            from jsonb_each_text(busy) as b
            join public.webhook_configurations as c on c.id = b.key::uuid
            where c.tenant_id is not null
            group by c.tenant_id
            having sum(b.value::integer) >= 5 * per_endpoint);
        if cardinality(_crowded) > 0 then
            _again := least(_again, 0.1);
        end if;
    end if;

    -- 3. the endpoints that may be delivered to, that have something due, and of which the worker has room for more;
    -- the scan begins at a random one, so that none waits behind the others' backlog when there are more than fit
    select coalesce(array_agg(due.id) filter (where not due.limited), '{}'),
           coalesce(array_agg(due.room) filter (where not due.limited), '{}'),
           coalesce(array_agg(due.id) filter (where due.limited), '{}')
    into _unlimited, _rooms, _limited
    from (
        select r.id, r.limited, least(_batch, per_endpoint - coalesce((busy ->> r.id::text)::integer, 0)) as room
        from (
            select e.id from webhooks.endpoints_with_due(_start) as e (id)
            union all
            select e.id from webhooks.endpoints_with_due() as e (id) where e.id < _start
        ) as e
        -- the limit keeps it from being read the other way round, every endpoint first
        cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = e.id limit 1) as r
        where (r.tokens is null or r.tokens >= 1)
          and (per_endpoint is null or coalesce((busy ->> r.id::text)::integer, 0) < per_endpoint)
          and (_crowded is null or not exists (
              select from public.webhook_configurations as c where c.id = e.id and c.tenant_id = any (_crowded)))
          -- one that has as many in flight as it may must not take another's turn
          and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
        limit _batch
    ) as due;
    _endpoints := _unlimited;

    -- 4. the limited ones: locked, so that what they have room for is counted by one worker at a time
    _count := cardinality(_limited);
    if _count > 0 then
        insert into public.webhook_circuits (webhook_config_id)
        select c.id
        from public.webhook_configurations as c
        where c.id = any (_limited)
          and not exists (select from public.webhook_circuits as h where h.webhook_config_id = c.id)
        -- not one that is deleted just now
        for key share skip locked
        on conflict do nothing;
        -- one whose circuit another transaction holds waits for the next claim, without blocking others
        _limited := array(
            select h.webhook_config_id
            from public.webhook_circuits as h
            where h.webhook_config_id = any (_limited)
            order by h.webhook_config_id
            for update skip locked);
        if cardinality(_limited) < _count then
            _again := 0.05;
        end if;
        select _endpoints || array_agg(room.id), _rooms || array_agg(room.size)
        into _endpoints, _rooms
        from (
            select r.id,
                   least(_batch, per_endpoint - coalesce((busy ->> r.id::text)::integer, 0),
                         r.places - webhooks.under_way(r.id, r.places_since, r.places), floor(r.tokens))::integer as size
            from webhooks.ready_endpoints as r
            where r.id = any (_limited)
        ) as room
        where room.size > 0;
    end if;
    if coalesce(cardinality(_endpoints), 0) = 0 then
        return json_build_object('held', null, 'lease_id', null, 'endpoints', '[]'::json, 'deliveries', '[]'::json,
                                 'due_in_seconds', webhooks.due_in_seconds(_again),
                                 'unchecked_urls', webhooks.has_unchecked_urls());
    end if;

    -- 5. an equal share for each, its oldest first; each endpoint's first row comes before any second one, so that
    -- rounding the shares up crowds no endpoint out
    _share := ceil(_batch::numeric / cardinality(_endpoints));
    select coalesce(array_agg(c.delivery_id order by c.place, c.due_at), '{}'), min(c.created_at), max(c.created_at)
    into _ids, _oldest, _newest
    from (
        select s.*
        from unnest(_endpoints, _rooms) as e (id, room)
        cross join lateral (
            select l.delivery_id, l.created_at, l.due_at, row_number() over (order by l.due_at) as place
            from (
                select q.delivery_id, q.created_at, q.due_at
                from webhooks.delivery_queue as q
                where q.webhook_config_id = e.id and q.ready
                order by q.due_at
                limit least(_share, e.room)
                for update skip locked
            ) as l
        ) as s
        order by s.place, s.due_at
        limit _batch
    ) as c;

    -- 6. what the short queues left free goes to the oldest of the others that have no limit
    if cardinality(_ids) < _batch and cardinality(_unlimited) > 0 and cardinality(_endpoints) > 1 then
        select _ids || coalesce(array_agg(f.delivery_id), '{}'), least(_oldest, min(f.created_at)), greatest(_newest, max(f.created_at))
        into _ids, _oldest, _newest
        from (
            select q.delivery_id, q.created_at
            from webhooks.delivery_queue as q
            -- "is not false", so that the planner does not use the index of ready rows to find these
            where q.ready is not false and q.delivery_id = any (array(
                select s.delivery_id
                from unnest(_unlimited, _rooms[:cardinality(_unlimited)]) as e (id, room)
                cross join lateral (
                    select q2.delivery_id, q2.due_at
                    from webhooks.delivery_queue as q2
                    where q2.webhook_config_id = e.id and q2.ready and q2.delivery_id <> all (_ids)
                    order by q2.due_at
                    -- beyond its share, which it has already got
                    limit least(_batch - cardinality(_ids), e.room - least(e.room, _share))
                ) as s
                order by s.due_at
                limit _batch - cardinality(_ids)))
            for update skip locked
        ) as f;
    end if;
    if cardinality(_ids) = 0 then
        return json_build_object('held', null, 'lease_id', null, 'endpoints', '[]'::json, 'deliveries', '[]'::json,
                                 'due_in_seconds', webhooks.due_in_seconds(_again),
                                 'unchecked_urls', webhooks.has_unchecked_urls());
    end if;
    if cardinality(_ids) = _batch or cardinality(_endpoints) = _batch then
        _again := 0;
    end if;
    _chosen := cardinality(_ids);
    _kept := webhooks.keeps_delivery_plans();
    _mode := case when _kept then 'force_generic_plan' else 'force_custom_plan' end;
    _ids := webhooks.without_expired(_ids, _endpoints);

    -- 7. no more than what the REST API and the worker can hold at once, in the order in which they are given
    if cardinality(_ids) * 262144 > _bytes then
        perform set_config('plan_cache_mode', _mode, true);
        _ids := array(
            select s.id
            from (
                select sized.id, sized.place, sum(sized.bytes) over (order by sized.place) - sized.bytes as bytes_before
                from (
                    select chosen.id, chosen.place, coalesce(d.bytes, 0) as bytes
                    from unnest(_ids) with ordinality as chosen (id, place)
                    left join (
                        select e.id,
                               -- as text, where compression may hide how long that is
                               case
                                   when pg_column_size(e.payload) < 1000 then pg_column_size(e.payload)
                                   else octet_length(e.payload::text)
                               end as bytes
                        from public.webhook_deliveries as e
                        where e.id = any (_ids) and (_kept or e.created_at between _oldest and _newest)
                        offset 0
                    ) as d on d.id = chosen.id
                ) as sized
            ) as s
            where s.bytes_before < _bytes
            order by s.place);
        perform set_config('plan_cache_mode', 'force_generic_plan', true);
    end if;

    -- 8. what the limited ones got: their tokens are spent, and an open circuit is tried by its one request
    if cardinality(_limited) > 0 then
        update public.webhook_circuits as h
        set state = case when h.state = 'open' then 'half_open' else h.state end,
            since = case when h.state = 'open' then _now else h.since end,
            tokens = r.tokens - taken.deliveries,
            -- a transaction that waited for the lock began before the one that held it
            tokens_at = case when r.tokens is not null then greatest(h.tokens_at, _now) end
        from (
            select q.webhook_config_id, count(*) as deliveries
            from webhooks.delivery_queue as q
            where q.delivery_id = any (_ids) and q.webhook_config_id = any (_limited)
            group by q.webhook_config_id
        ) as taken
        join webhooks.ready_endpoints as r on r.id = taken.webhook_config_id
        where h.webhook_config_id = taken.webhook_config_id;
    end if;

    -- 9. the lease, which outlasts an attempt of its endpoint; the status, for people; and what the worker needs
    update webhooks.delivery_queue as q
    set ready = false,
        lease_id = _lease,
        leased_at = _now,
        leased_by = worker,
        due_at = _now + make_interval(secs => greatest(coalesce(lease_seconds, 60), 1, 2 * coalesce((
            select c.timeout_seconds from public.webhook_configurations as c where c.id = q.webhook_config_id), 0)))
    where q.delivery_id = any (_ids);
    perform set_config('plan_cache_mode', _mode, true);
    with claimed as (
        update public.webhook_deliveries as d
        set status = 'processing'
        where d.id = any (_ids) and (_kept or d.created_at between _oldest and _newest) and d.status in ('pending', 'processing')
        returning d.id, d.webhook_config_id, d.event_type, d.attempts, d.payload, d.next_attempt_at
    )
    select json_agg(json_build_object(
               'id', k.id, 'endpoint_id', k.webhook_config_id, 'event_type', k.event_type, 'attempt', k.attempts + 1,
               'body', k.payload::text) order by k.next_attempt_at),
           count(*)
    into _claimed, _count
    from claimed as k;
    if _count < cardinality(_ids) then
        -- a deleted or finished delivery has no place in the queue
        delete from webhooks.delivery_queue as q
        where q.delivery_id = any (_ids) and not exists (
            select from public.webhook_deliveries as d
            where d.id = q.delivery_id and d.created_at = q.created_at and d.status = 'processing');
    end if;
    perform set_config('plan_cache_mode', 'force_generic_plan', true);
    _settings := webhooks.endpoint_settings(_endpoints, _limited);
    -- with a full batch, or when some of it had to stay or had expired, there may be more at once
    return json_build_object('held', null, 'lease_id', _lease, 'endpoints', coalesce(_settings, '[]'),
                             'deliveries', coalesce(_claimed, '[]'), 'due_in_seconds',
                             case when _again = 0 or _count < _chosen then 0 else webhooks.due_in_seconds(_again) end,
                             'unchecked_urls', webhooks.has_unchecked_urls());
end $$;
comment on function webhooks.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) is 'Behind public.claim_webhook_deliveries.';
revoke all on function webhooks.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) to service_role;
