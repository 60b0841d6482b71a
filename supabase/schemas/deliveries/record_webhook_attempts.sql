create or replace function webhooks.record_webhook_attempts(results jsonb, policy jsonb default '{}')
returns json
language plpgsql
-- definer: behind public.record_webhook_attempts, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- the planner takes a list of ids for ten: nested loops over 250 rows cost 5 times as much as hashing them
set enable_nestloop = off
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_custom_plan
-- a transaction that holds one endpoint's circuit must not hold up the others' results: the worker then records by endpoint
set lock_timeout = '1s'
as $$
#variable_conflict use_column
declare
    _ids uuid[] := array(
        select distinct r.delivery_id from jsonb_to_recordset(results) as r (delivery_id uuid));
    -- if not, plans are made each time, with the times between which the rows were created
    _kept constant boolean := webhooks.keeps_delivery_plans();
    _live uuid[];
    _late uuid[];
    _endpoints uuid[];
    _oldest timestamptz;
    _newest timestamptz;
    _rest json;
    _recorded json;
begin
    -- A crash of the server may lose the results of the last half second: the leases expire, and those are delivered
    -- again. A function's own setting would end before the commit.
    perform set_config('synchronous_commit', 'off', true);
    if _kept then
        -- planning is two thirds of what recording a few results takes
        perform set_config('plan_cache_mode', 'force_generic_plan', true);
    end if;
    -- locked in one order, so that two workers' batches cannot deadlock
    select coalesce(array_agg(l.delivery_id), '{}'), array_agg(distinct l.webhook_config_id), min(l.created_at), max(l.created_at)
    into _live, _endpoints, _oldest, _newest
    from (
        select q.delivery_id, q.webhook_config_id, q.created_at
        from webhooks.delivery_queue as q
        where q.delivery_id = any (_ids)
        order by q.delivery_id
        for update
    ) as l;
    if cardinality(_live) < cardinality(_ids) then
        -- Late: these are finished or deleted. Only a success counts then, and it turns a failed delivery into a delivered
        -- one. They are locked after the others, so not in the one order: a call that would have to wait gives up (55P03),
        -- and must be repeated.
        _late := array(
            select r.delivery_id from jsonb_to_recordset(results) as r (delivery_id uuid, delivered boolean)
            where r.delivered and r.delivery_id <> all (_live));
        select coalesce(array_agg(l.id), '{}'), _endpoints || array_agg(distinct l.webhook_config_id),
               least(_oldest, min(l.created_at)), greatest(_newest, max(l.created_at))
        into _late, _endpoints, _oldest, _newest
        from (
            select d.id, d.webhook_config_id, d.created_at
            from public.webhook_deliveries as d
            where d.id = any (_late) and d.status <> 'delivered'
            for update nowait
        ) as l;
        if exists (select from webhooks.delivery_queue as q where q.delivery_id = any (_late)) then
            -- retried since the queue was locked: a claim may hold its place there, and wait for the delivery
            raise exception 'a delivery with a late result was retried just now'
                using errcode = '55P03', hint = 'Record the results again.';
        end if;
        _live := _live || _late;
        select json_agg(json_build_object(
            'delivery_id', d.id, 'status', d.status, 'accepted', false,
            'due_in_seconds', extract(epoch from d.next_attempt_at - now())::float8))
        into _rest
        from public.webhook_deliveries as d
        where d.id = any (_ids) and d.id <> all (_live);
    end if;
    -- again in one order, after the deliveries: as every batch does. A row loaded without triggers has no circuit yet.
    insert into public.webhook_circuits (webhook_config_id, since)
    select e.id, '-infinity' from unnest(_endpoints) as e (id)
    -- these alone: a hash of all circuits would be built, since there are no nested loops
    where not exists (
        select from public.webhook_circuits as h where h.webhook_config_id = any (_endpoints) and h.webhook_config_id = e.id)
    on conflict do nothing;
    perform from public.webhook_circuits as h
    where h.webhook_config_id = any (_endpoints)
    order by h.webhook_config_id
    for update;

    -- the trigger that follows people's changes leaves this one alone
    perform set_config('webhooks.recording', 'on', true);
    with current as materialized (
        select d.id, d.webhook_config_id, d.event_type, d.created_at, d.status, d.attempts, d.counted_attempts, d.deferred_since,
               d.next_attempt_at, q.lease_id, q.leased_at
        from (
            select d.* from public.webhook_deliveries as d
            where d.id = any (_live) and (_kept or d.created_at between _oldest and _newest)
        ) as d
        left join (select q.* from webhooks.delivery_queue as q where q.delivery_id = any (_live)) as q on q.delivery_id = d.id
    ),
    result as (
        -- of two results of one delivery that of the lease's holder counts, else a success
        select distinct on (r.delivery_id) r.*
        from jsonb_to_recordset(results) as r (
            delivery_id uuid, lease_id uuid, attempt integer, started_at timestamptz, duration_ms integer,
            delivered boolean, permanent boolean, health text, retry_after_seconds numeric, response_status integer,
            response_headers jsonb, response_excerpt text, error text, disable_reason text, setup boolean)
        join current as c on c.id = r.delivery_id
        order by r.delivery_id, coalesce(c.lease_id = r.lease_id, false) desc, r.delivered desc
    ),
    endpoint as materialized (
        select e.id, e.max_attempts, e.retry_schedule, e.circuit_failure_threshold, e.circuit_reset_seconds, h.*
        from (select e.* from public.webhook_configurations as e where e.id = any (_endpoints)) as e
        join (select h.* from public.webhook_circuits as h where h.webhook_config_id = any (_endpoints)) as h
            on h.webhook_config_id = e.id
    ),
    -- The lease's holder decides. A result that comes after its lease was taken back counts only if it says that the
    -- receiver has the delivery: nothing may send that again. It is an attempt of its own in the log, whatever number
    -- another attempt took meanwhile. One that comes a second time, or that is older than a delivered attempt, counts
    -- no more: if the delivery is not delivered now, someone asked for it to be sent again.
    accepted as materialized (
        select r.*, c.webhook_config_id, c.event_type, c.created_at, made.attempts as attempts_made, coalesce(made.counted, false) as counted,
               c.counted_attempts + coalesce(made.counted, false)::integer as counted_attempts,
               case when asked.deferred then coalesce(c.deferred_since, now()) else c.deferred_since end as new_deferred_since,
               least(greatest(coalesce(r.retry_after_seconds, 0), 0), 86400)::float8 as wait_seconds,
               case
                   when r.delivered then 'delivered'
                   -- what does not count does not end it either, not even an admin's retry of one that has had all
                   when r.permanent or (made.counted and c.counted_attempts + 1 >= coalesce(cardinality(e.retry_schedule) + 1, e.max_attempts)) then 'failed'
                   else 'pending'
               end as new_status,
               -- attempts that did not count wait longer each time too, but take no place of the schedule from those that do
               webhooks.retry_wait(e.retry_schedule, case when made.counted then c.counted_attempts + 1 else made.attempts end)
                   as backoff_seconds,
               -- What an attempt tells of its endpoint: one that was claimed before the circuit's last change, or whose
               -- lease is another's now, tells nothing of what came after. (Moments are compared on one clock only: the
               -- database's, or one worker's.)
               coalesce(c.lease_id = r.lease_id and c.leased_at >= e.since, false) as fresh,
               case when c.lease_id = r.lease_id and c.leased_at >= e.since then r.health end as news,
               case when c.lease_id = r.lease_id then c.leased_at end as claimed_at,
               r.started_at + make_interval(secs => r.duration_ms / 1000.0) as ended_at,
               -- of the durations in webhooks.delivery_rollups; here, so that it is computed once for each result
               width_bucket(r.duration_ms, '{2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072}'::integer[]) as bucket
        from result as r
        join current as c on c.id = r.delivery_id
        join endpoint as e on e.id = c.webhook_config_id
        cross join lateral (
            -- It asked to wait: logged, and for a day not counted against the limit.
            select coalesce(r.response_status = 429 or (r.response_status = 503 and r.retry_after_seconds is not null), false) as deferred
        ) as asked
        cross join lateral (
            -- a problem of the worker's setup is not the delivery's: it waits as long as its endpoint is enabled
            select r.setup is not true and (not asked.deferred or c.deferred_since < now() - interval '1 day') as counted,
                   greatest(c.attempts + 1, r.attempt) as attempts
        ) as made
        where c.lease_id = r.lease_id
           or (r.delivered and c.status <> 'delivered' and not exists (
               select from public.webhook_attempts as w
               where w.delivery_id = r.delivery_id and w.delivered and w.started_at >= r.started_at))
    ),
    logged as (
        insert into public.webhook_attempts
            (delivery_id, number, started_at, duration_ms, delivered, response_status, response_headers, response_excerpt, error,
             counted)
        select a.delivery_id, a.attempts_made, a.started_at, a.duration_ms, a.delivered, a.response_status,
               -- a worker keeps less; one that does not must not make the log grow
               case when jsonb_typeof(a.response_headers) = 'object' and octet_length(a.response_headers::text) <= 4096 then a.response_headers end,
               a.response_excerpt, a.error, a.counted
        from accepted as a
        on conflict do nothing
    ),
    -- under the lock of the endpoint's circuit, so that no other batch waits for it
    rolled as (
        insert into webhooks.delivery_rollups as o
            (hour, webhook_config_id, event_type, attempts, failed_attempts, durations)
        select date_trunc('hour', a.ended_at, 'UTC'), a.webhook_config_id, a.event_type,
               count(*), count(*) filter (where not a.delivered),
               array[
                   count(*) filter (where a.bucket = 0), count(*) filter (where a.bucket = 1), count(*) filter (where a.bucket = 2), count(*) filter (where a.bucket = 3),
                   count(*) filter (where a.bucket = 4), count(*) filter (where a.bucket = 5), count(*) filter (where a.bucket = 6), count(*) filter (where a.bucket = 7),
                   count(*) filter (where a.bucket = 8), count(*) filter (where a.bucket = 9), count(*) filter (where a.bucket = 10), count(*) filter (where a.bucket = 11),
                   count(*) filter (where a.bucket = 12), count(*) filter (where a.bucket = 13), count(*) filter (where a.bucket = 14), count(*) filter (where a.bucket = 15),
                   count(*) filter (where a.bucket = 16), count(*) filter (where a.bucket = 17)]
        from accepted as a
        group by 1, 2, 3
        on conflict (hour, webhook_config_id, event_type) do update
        set attempts = o.attempts + excluded.attempts,
            failed_attempts = o.failed_attempts + excluded.failed_attempts,
            durations = array[
                o.durations[1] + excluded.durations[1], o.durations[2] + excluded.durations[2], o.durations[3] + excluded.durations[3], o.durations[4] + excluded.durations[4],
                o.durations[5] + excluded.durations[5], o.durations[6] + excluded.durations[6], o.durations[7] + excluded.durations[7], o.durations[8] + excluded.durations[8],
                o.durations[9] + excluded.durations[9], o.durations[10] + excluded.durations[10], o.durations[11] + excluded.durations[11], o.durations[12] + excluded.durations[12],
                o.durations[13] + excluded.durations[13], o.durations[14] + excluded.durations[14], o.durations[15] + excluded.durations[15], o.durations[16] + excluded.durations[16],
                o.durations[17] + excluded.durations[17], o.durations[18] + excluded.durations[18]]
    ),
    news as (
        select a.webhook_config_id,
               count(*) filter (where a.news in ('answered', 'failed')) as attempts,
               count(*) filter (where a.news = 'failed') as failures,
               count(*) filter (where a.news = 'failed' and a.ended_at > coalesce(a.answered_at, '-infinity')) as failures_after_answer,
               bool_or(a.answered_at is not null) as answered,
               bool_or(a.delivered) as delivered,
               count(*) filter (where a.delivered and a.fresh) as successes,
               max(a.claimed_at) filter (where a.delivered) as delivered_claim_at,
               bool_or(not a.delivered and a.news is not null) as undelivered,
               -- until when it asked to wait holds whenever it was asked
               max(a.wait_seconds) as wait_seconds,
               -- a 410 from before someone enabled the endpoint does not disable it again: the next one does
               max(a.disable_reason) filter (where a.fresh) as disable_reason,
               (array_agg(a.response_status order by a.ended_at desc) filter (where not a.delivered))[1] as last_status,
               (array_agg(a.error order by a.ended_at desc) filter (where not a.delivered))[1] as last_error
        from (
            select a.*, max(a.ended_at) filter (where a.news = 'answered') over (partition by a.webhook_config_id) as answered_at
            from accepted as a
        ) as a
        group by a.webhook_config_id
    ),
    counted as (
        select e.webhook_config_id, e.state, n.answered, n.failures, n.delivered, n.undelivered, n.successes, n.wait_seconds,
               n.last_status, n.last_error, n.delivered_claim_at, e.places, e.failed_probes,
               case when n.answered then n.failures_after_answer else e.consecutive_failures + n.failures end as consecutive,
               case when fresh.window then n.attempts else e.window_attempts + n.attempts end as attempts,
               case when fresh.window then n.failures else e.window_failures + n.failures end as window_failures,
               case when fresh.window then now() else e.window_started_at end as window_started_at,
               case
                   when n.delivered then null
                   when n.undelivered and e.undelivered_at < now() - interval '2 days' then now()
                   when n.undelivered then coalesce(e.failing_since, now())
                   else e.failing_since
               end as failing_since,
               case when n.undelivered then now() else e.undelivered_at end as undelivered_at,
               coalesce(e.circuit_failure_threshold, (policy ->> 'failure_threshold')::integer, 5) as threshold,
               -- one with a schedule of its own begins with 10 s, which each failed probe doubles
               coalesce(e.circuit_reset_seconds, case when e.retry_schedule <> '{2,4}' then least(
                       coalesce((policy ->> 'reset_seconds')::float8, 300),
                       10 * power(2, case when e.state = 'half_open' then least(e.failed_probes + 1, 30) else 0 end))
                   end, (policy ->> 'reset_seconds')::float8, 300) as reset_seconds,
               n.disable_reason
        from endpoint as e
        join news as n on n.webhook_config_id = e.webhook_config_id
        cross join lateral (
            select e.window_started_at < now() - make_interval(secs => coalesce((policy ->> 'rate_window_seconds')::float8, 60)) as window
        ) as fresh
    ),
    moved as materialized (
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
            -- after a pause or an open circuit one delivery at first, one more for each success
            places = case
                when m.new_state <> 'closed' then h.places
                when m.wait_seconds > 0 then 1
                when m.state <> 'closed' then 1 + m.successes
                when h.places + m.successes >= 50 then null
                else h.places + m.successes
            end,
            failed_probes = case
                when m.new_state = 'closed' then 0
                when m.new_state = 'open' and m.state = 'half_open' then h.failed_probes + 1
                else h.failed_probes
            end,
            last_status = case when m.undelivered then m.last_status when m.delivered then null else h.last_status end,
            last_error = case when m.undelivered then m.last_error when m.delivered then null else h.last_error end,
            failing_since = m.failing_since,
            undelivered_at = m.undelivered_at,
            -- claimed after the check, so of the same URL
            url_warning = case when m.delivered_claim_at > h.url_checked_at then null else h.url_warning end,
            paused_until = case when m.wait_seconds > 0
                then greatest(h.paused_until, now() + make_interval(secs => m.wait_seconds)) else h.paused_until end
        from moved as m
        where h.webhook_config_id = any (_endpoints) and h.webhook_config_id = m.webhook_config_id
    ),
    gone as materialized (
        select m.webhook_config_id,
               coalesce(m.disable_reason, 'no delivery has succeeded since '
                   || to_char(m.failing_since at time zone 'utc', 'YYYY-MM-DD HH24:MI') || ' UTC') as reason
        from moved as m
        where m.disable_reason is not null
           -- a result that tells nothing of the endpoint's health does not end its time either
           or m.undelivered and m.failing_since < now() - make_interval(secs => coalesce((policy ->> 'disable_after_seconds')::float8, 432000))
    ),
    disabled as (
        update public.webhook_configurations as e
        set is_active = false, disabled_at = now(), disabled_reason = g.reason
        from gone as g
        where e.id = any (array(select g.webhook_config_id from gone as g)) and e.id = g.webhook_config_id and e.is_active
    ),
    updated as (
        update public.webhook_deliveries as d
        set status = a.new_status,
            attempts = a.attempts_made,
            counted_attempts = a.counted_attempts,
            deferred_since = a.new_deferred_since,
            last_attempt_at = a.started_at,
            response_status = a.response_status,
            response_body = a.response_excerpt,
            error_message = a.error,
            finished_at = case when a.new_status <> 'pending' then now() end,
            -- a longer wait that the receiver asked for is kept
            next_attempt_at = case
                when a.new_status = 'pending' then
                    now() + make_interval(secs => greatest(a.backoff_seconds, a.wait_seconds))
                else d.next_attempt_at
            end
        from accepted as a
        where d.id = any (_live) and (_kept or d.created_at between _oldest and _newest) and d.id = a.delivery_id
        returning d.id, d.webhook_config_id, d.created_at, d.status, d.next_attempt_at
    ),
    finished as (
        delete from webhooks.delivery_queue as q
        where q.delivery_id = any (array(select u.id from updated as u where u.status <> 'pending'))
    ),
    retried as (
        update webhooks.delivery_queue as q
        set due_at = u.next_attempt_at, ready = false, lease_id = null, leased_at = null
        from updated as u
        where q.delivery_id = any (array(select u.id from updated as u where u.status = 'pending')) and q.delivery_id = u.id
    ),
    failures as (
        insert into webhooks.failed_deliveries (delivery_id, webhook_config_id, created_at)
        select u.id, u.webhook_config_id, u.created_at from updated as u where u.status = 'failed'
        on conflict do nothing
    ),
    repaired as (
        delete from webhooks.failed_deliveries as f
        where f.delivery_id = any (array(
            select u.id from updated as u join current as c on c.id = u.id where u.status = 'delivered' and c.status = 'failed'))
    )
    select json_agg(json_build_object(
        'delivery_id', c.id, 'status', coalesce(u.status, c.status), 'accepted', u.id is not null,
        'due_in_seconds', extract(epoch from coalesce(u.next_attempt_at, c.next_attempt_at) - now())::float8))
    into _recorded
    from current as c
    left join updated as u on u.id = c.id;
    perform set_config('webhooks.recording', 'off', true);
    return json_build_object('recorded', coalesce(_recorded, '[]'), 'late', coalesce(_rest, '[]'));
end $$;
comment on function webhooks.record_webhook_attempts(jsonb, jsonb) is 'Behind public.record_webhook_attempts.';
revoke all on function webhooks.record_webhook_attempts(jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.record_webhook_attempts(jsonb, jsonb) to service_role;
