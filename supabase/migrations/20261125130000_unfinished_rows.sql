-- A row is unfinished as long as finished_at is null, whoever writes it; and what looks for unfinished rows says so.
-- Where history is partitioned (supabase/optional) these rows are one small table, and nothing else is looked at.

-- made due again by hand, as an app may have done before retries: it would be unfinished in status only
update public.webhook_deliveries as d
set finished_at = null
where d.status in ('pending', 'processing') and d.finished_at is not null;

create or replace function webhooks.keep_finished_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    new.finished_at := case when new.status in ('delivered', 'failed') then now() end;
    return new;
end $$;
comment on function webhooks.keep_finished_at() is 'Sets or clears finished_at where a caller changed only the status.';
revoke all on function webhooks.keep_finished_at() from public, anon, authenticated;
create trigger keep_webhook_finished_at
    before update of status on public.webhook_deliveries
    -- the condition costs less than a call: claim and record set both
    for each row when ((new.status in ('delivered', 'failed')) <> (new.finished_at is not null))
    execute function webhooks.keep_finished_at();


create or replace function webhooks.under_way(endpoint uuid, since timestamptz, at_most integer)
returns integer
language sql
stable
set search_path = ''
as $$
    select count(*)::integer
    from (
        select 1
        from public.webhook_deliveries as d
        where d.webhook_config_id = endpoint and d.status = 'processing' and d.finished_at is null and d.leased_at >= since
        limit at_most
    ) as bounded
$$;

create or replace function public.webhook_backlog(at_most integer default 10000)
returns jsonb
language sql
stable
-- definer: the gateway needs this function, not the tables
security definer
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
    select jsonb_build_object(
        'due', (
            select count(*)
            from (
                select 1
                from webhooks.ready_endpoints as r
                cross join lateral (
                    select 1
                    from public.webhook_deliveries as d
                    where d.webhook_config_id = r.id and d.status = 'pending' and d.finished_at is null
                      and d.next_attempt_at <= now()
                    -- of a circuit that is tried again, one request is due
                    limit case when r.state = 'closed' then at_most else 1 end
                ) as due
                where (r.tokens is null or r.tokens >= 1)
                  and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
                union all
                select 1
                from public.webhook_deliveries as d
                where d.status = 'processing' and d.finished_at is null and d.lease_expires_at <= now()
                limit at_most
            ) as bounded),
        'oldest_due_at', (
            select min(first.next_attempt_at)
            from webhooks.ready_endpoints as r
            cross join lateral (
                select d.next_attempt_at
                from public.webhook_deliveries as d
                where d.webhook_config_id = r.id and d.status = 'pending' and d.finished_at is null
                      and d.next_attempt_at <= now()
                order by d.next_attempt_at
                limit 1
            ) as first))
$$;

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
    where d.id = l.delivery_id and d.lease_id = l.lease_id and d.status = 'processing' and d.finished_at is null;
    get diagnostics _released = row_count;
    return _released;
end $$;

create or replace function public.webhook_traceparents(delivery_ids uuid[])
returns jsonb
language sql
stable
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
as $$
    select coalesce(jsonb_object_agg(d.id, d.traceparent), '{}')
    from public.webhook_deliveries as d
    -- they are under way
    where d.id = any (delivery_ids) and d.finished_at is null and d.traceparent is not null
$$;

create or replace function public.webhook_metrics()
returns jsonb
language sql
stable
-- definer: the gateway needs this function, not the tables
security definer
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
    select public.webhook_backlog() || jsonb_build_object(
        -- unfinished rows, counted up to 100,000 each
        'pending', (
            select count(*)
            from (
                select
                from public.webhook_configurations as c
                cross join lateral (
                    select
                    from public.webhook_deliveries as d
                    where d.webhook_config_id = c.id and d.status = 'pending' and d.finished_at is null
                    limit 100000
                ) as waiting
                limit 100000
            ) as bounded),
        'processing', (
            select count(*)
            from (
                select from public.webhook_deliveries as d
                where d.status = 'processing' and d.finished_at is null
                limit 100000
            ) as bounded),
        'circuits', (
            select jsonb_build_object(
                'closed', count(*) filter (where h.state = 'closed'),
                'half_open', count(*) filter (where h.state = 'half_open'),
                'open', count(*) filter (where h.state = 'open'))
            from public.webhook_circuits as h
            join public.webhook_configurations as c on c.id = h.webhook_config_id
            where c.is_active),
        -- those that are not closed by name, a hundred at most
        'troubled', (
            select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'state', t.state)), '[]')
            from (
                select c.id, c.name, h.state
                from public.webhook_circuits as h
                join public.webhook_configurations as c on c.id = h.webhook_config_id
                where c.is_active and h.state <> 'closed'
                order by h.since
                limit 100
            ) as t),
        'endpoints', (
            select jsonb_build_object(
                'active', count(*) filter (where c.is_active),
                'inactive', count(*) filter (where not c.is_active),
                'disabled_by_system', count(*) filter (where c.disabled_at is not null))
            from public.webhook_configurations as c),
        'last_run_at', (
            select r.started_at from public.webhook_dispatcher_runs as r order by r.started_at desc limit 1),
        'now', clock_timestamp())
$$;

create or replace function webhooks.alert_conditions(policy jsonb)
returns table (kind text, severity text, subject text, webhook_config_id uuid, summary text, details jsonb)
language sql
stable
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
    -- of the last hour's finished deliveries more failed than may
    select 'failure_rate', 'warning', '', null::uuid,
           format('%s %% of the last hour''s %s finished deliveries failed', round(100.0 * f.failed / f.finished), f.finished),
           jsonb_build_object('failed', f.failed, 'finished', f.finished)
    from (
        select count(*) filter (where d.status = 'failed') as failed, count(*) as finished
        from public.webhook_deliveries as d
        where d.created_at > now() - interval '1 hour' and d.status in ('delivered', 'failed')
          and (policy ->> 'with_rate')::boolean
    ) as f
    where f.finished >= greatest(1, (policy ->> 'failure_minimum')::integer)
      and f.failed > f.finished * (policy ->> 'failure_rate')::numeric
    union all
    -- more are overdue than may be; counted up to 10,000
    select 'overdue', 'warning', '', null,
           format('%s%s deliveries are overdue by more than %s s', o.n, case when o.n = 10000 then ' or more' else '' end,
                  policy ->> 'overdue_seconds'),
           jsonb_build_object('overdue', o.n)
    from (
        select count(*) as n
        from (
            select
            from public.webhook_configurations as c
            cross join lateral (
                select
                from public.webhook_deliveries as d
                where d.webhook_config_id = c.id and d.status = 'pending' and d.finished_at is null
                  and d.next_attempt_at < now() - make_interval(secs => (policy ->> 'overdue_seconds')::float8)
                limit 10000
            ) as late
            where c.is_active
            limit 10000
        ) as bounded
    ) as o
    where o.n > (policy ->> 'overdue')::integer
    union all
    -- half-open is the trial of an open one: not its end yet
    select 'circuit_open', 'warning', c.id::text, c.id,
           format('The circuit of endpoint "%s" is open after %s failures in a row', c.name, h.consecutive_failures),
           jsonb_build_object('endpoint', c.name, 'consecutive_failures', h.consecutive_failures, 'open_until', h.open_until)
    from public.webhook_circuits as h
    join public.webhook_configurations as c on c.id = h.webhook_config_id
    where c.is_active and h.state <> 'closed'
    union all
    -- a cron that never called is not silent: nobody has set it up (webhooks doctor says so)
    select 'dispatcher_silent', 'critical', '', null,
           format('The dispatcher was last called at %s UTC', to_char(r.started_at at time zone 'utc', 'YYYY-MM-DD HH24:MI')),
           jsonb_build_object('last_run_at', r.started_at)
    from (select r.started_at from public.webhook_dispatcher_runs as r order by r.started_at desc limit 1) as r
    where r.started_at < now() - make_interval(secs => (policy ->> 'silence_seconds')::float8)
    union all
    select 'endpoint_disabled', 'critical', c.id::text, c.id,
           format('Endpoint "%s" was switched off: %s', c.name, coalesce(c.disabled_reason, 'no reason was given')),
           jsonb_build_object('endpoint', c.name, 'disabled_at', c.disabled_at, 'reason', c.disabled_reason)
    from public.webhook_configurations as c
    where not c.is_active and c.disabled_at is not null
$$;

create or replace function public.list_webhook_endpoints(
    webhook_config_id uuid default null,
    after_name text default null,
    after_id uuid default null,
    page_size integer default 200
)
returns jsonb
language plpgsql
stable
-- definer: whether there is a secret, and the names of headers, stand in columns that admins may not read
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
set jit = off
as $$
begin
    perform webhooks.check_admin();
    return (
        with page as (
            select c.*
            from public.webhook_configurations as c
            where (list_webhook_endpoints.webhook_config_id is null or c.id = list_webhook_endpoints.webhook_config_id)
              and (after_name is null or (c.name, c.id) > (after_name, after_id))
            order by c.name, c.id
            limit least(greatest(page_size, 1), 500)
        ),
        last_hour as (
            select d.webhook_config_id,
                   count(*) as total,
                   count(*) filter (where d.status = 'delivered') as delivered,
                   count(*) filter (where d.status = 'failed') as failed,
                   count(*) filter (where d.status in ('pending', 'processing')) as pending
            from public.webhook_deliveries as d
            where d.created_at > now() - interval '1 hour'
            group by d.webhook_config_id
        )
        select coalesce(jsonb_agg(
            jsonb_build_object(
                'id', c.id, 'name', c.name, 'url', c.url, 'events', c.events, 'is_active', c.is_active,
                'max_attempts', c.max_attempts, 'rate_limit_per_second', c.rate_limit_per_second,
                'max_concurrency', c.max_concurrency, 'timeout_seconds', c.timeout_seconds,
                'circuit_failure_threshold', c.circuit_failure_threshold,
                'circuit_reset_seconds', c.circuit_reset_seconds, 'credentials_profile', c.credentials_profile,
                'created_at', c.created_at, 'updated_at', c.updated_at,
                'disabled_at', c.disabled_at, 'disabled_reason', c.disabled_reason,
                'has_secret', coalesce(c.secret_key <> '', false),
                'previous_secret_until', (
                    select max(p.expires_at) from webhooks.previous_secrets as p
                    where p.webhook_config_id = c.id and p.expires_at > now()),
                'header_names', (
                    select coalesce(jsonb_agg(h.name order by h.name), '[]')
                    from jsonb_object_keys(coalesce(c.headers, '{}')) as h (name)),
                'circuit', (
                    select jsonb_build_object(
                        'state', h.state, 'since', h.since, 'open_until', h.open_until,
                        'consecutive_failures', h.consecutive_failures, 'failing_since', h.failing_since,
                        'paused_until', case when h.paused_until > now() then h.paused_until end)
                    from public.webhook_circuits as h where h.webhook_config_id = c.id),
                -- counted up to 10,000: a backlog of millions must not slow the page
                'waiting', (
                    select count(*)
                    from (select from public.webhook_deliveries as d
                          where d.webhook_config_id = c.id and d.status = 'pending' and d.finished_at is null limit 10000) as bounded),
                'last_hour', jsonb_build_object(
                    'total', coalesce(l.total, 0), 'delivered', coalesce(l.delivered, 0),
                    'failed', coalesce(l.failed, 0), 'pending', coalesce(l.pending, 0)))
            order by c.name, c.id), '[]')
        from page as c
        left join last_hour as l on l.webhook_config_id = c.id);
end $$;
