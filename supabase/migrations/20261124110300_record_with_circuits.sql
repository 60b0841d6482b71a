-- Results move circuits. The worker says of each attempt what it tells of the endpoint's health: "answered" (it is
-- there, whatever it said), "failed" (it is not), or nothing.

-- a second parameter makes another function: two of one name would be ambiguous to the REST API
-- squawk-ignore ban-drop-function
drop function public.record_webhook_attempts(jsonb);
create function public.record_webhook_attempts(results jsonb, policy jsonb default '{}')
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
            delivered boolean, permanent boolean, health text, retry_after_seconds numeric, response_status integer,
            response_excerpt text, error text, disable_reason text)
        order by r.delivery_id, r.delivered desc
    ),
    -- locked in one order, so that two workers' batches cannot deadlock
    current as materialized (
        select d.id, d.webhook_config_id, d.status, d.lease_id, d.leased_at, d.attempts, d.next_attempt_at
        from public.webhook_deliveries as d
        where d.id = any (array(select r.delivery_id from result as r))
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
        where d.id = a.delivery_id
        returning d.id, d.status, d.next_attempt_at
    )
    select c.id, coalesce(u.status, c.status),
           extract(epoch from coalesce(u.next_attempt_at, c.next_attempt_at) - now())::float8, u.id is not null
    from current as c
    left join updated as u on u.id = c.id
$$;
comment on function public.record_webhook_attempts(jsonb, jsonb) is 'Records a batch of attempts: logs each, moves its delivery to delivered, back to pending with backoff, or failed, and opens or closes its endpoint''s circuit. The same result twice changes nothing. policy: failure_threshold, reset_seconds, failure_rate, rate_minimum, rate_window_seconds, disable_after_seconds.';
revoke all on function public.record_webhook_attempts(jsonb, jsonb) from public, anon, authenticated;
grant execute on function public.record_webhook_attempts(jsonb, jsonb) to service_role;
