-- What the gateway and the sweep ask: how much is due, the cron's heartbeat, the system's health, a test delivery.

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
                from public.webhook_configurations as c
                cross join lateral (
                    select 1
                    from public.webhook_deliveries as d
                    where d.webhook_config_id = c.id and d.status = 'pending' and d.next_attempt_at <= now()
                    limit at_most
                ) as due
                where c.is_active
                union all
                select 1
                from public.webhook_deliveries as d
                where d.status = 'processing' and d.lease_expires_at <= now()
                limit at_most
            ) as bounded),
        'oldest_due_at', (
            select min(first.next_attempt_at)
            from public.webhook_configurations as c
            cross join lateral (
                select d.next_attempt_at
                from public.webhook_deliveries as d
                where d.webhook_config_id = c.id and d.status = 'pending' and d.next_attempt_at <= now()
                order by d.next_attempt_at
                limit 1
            ) as first
            where c.is_active))
$$;
comment on function public.webhook_backlog(integer) is 'How many deliveries are due now (counted up to at_most), expired leases included, and since when the oldest waits.';
revoke all on function public.webhook_backlog(integer) from public, anon, authenticated;
grant execute on function public.webhook_backlog(integer) to service_role;

create or replace function public.start_webhook_dispatcher_run(source text)
returns jsonb
language sql
-- definer: the gateway needs this function, not the tables
security definer
set search_path = ''
as $$
    insert into public.webhook_dispatcher_runs (source, due)
    values (left(source, 200), (public.webhook_backlog() ->> 'due')::integer)
    returning jsonb_build_object('run_id', id, 'due', due)
$$;
comment on function public.start_webhook_dispatcher_run(text) is 'Records the cron''s heartbeat and returns {"run_id", "due"}.';
revoke all on function public.start_webhook_dispatcher_run(text) from public, anon, authenticated;
grant execute on function public.start_webhook_dispatcher_run(text) to service_role;

create or replace function public.finish_webhook_dispatcher_run(run_id uuid, enqueued integer, error text default null)
returns void
language sql
-- definer: the gateway needs this function, not the tables
security definer
set search_path = ''
as $$
    update public.webhook_dispatcher_runs as r
    set enqueued = finish_webhook_dispatcher_run.enqueued,
        error = finish_webhook_dispatcher_run.error,
        finished_at = now()
    where r.id = finish_webhook_dispatcher_run.run_id
$$;
comment on function public.finish_webhook_dispatcher_run(uuid, integer, text) is 'Records how a dispatcher run ended.';
revoke all on function public.finish_webhook_dispatcher_run(uuid, integer, text) from public, anon, authenticated;
grant execute on function public.finish_webhook_dispatcher_run(uuid, integer, text) to service_role;

create or replace function public.webhook_health()
returns jsonb
language sql
stable
-- definer: the gateway needs this function, not the tables
security definer
set search_path = ''
as $$
    select public.webhook_backlog() || jsonb_build_object(
        'last_hour', (
            select jsonb_build_object(
                'total', count(*),
                'delivered', count(*) filter (where d.status = 'delivered'),
                'failed', count(*) filter (where d.status = 'failed'),
                'pending', count(*) filter (where d.status in ('pending', 'processing')))
            from public.webhook_deliveries as d
            where d.created_at > now() - interval '1 hour'),
        'endpoints', (
            select jsonb_build_object(
                'active', count(*) filter (where c.is_active),
                'inactive', count(*) filter (where not c.is_active))
            from public.webhook_configurations as c),
        'last_run', (
            select jsonb_build_object('run_id', r.id, 'started_at', r.started_at, 'due', r.due,
                                      'enqueued', r.enqueued, 'error', r.error)
            from public.webhook_dispatcher_runs as r
            order by r.started_at desc
            limit 1))
$$;
comment on function public.webhook_health() is 'The last hour''s deliveries by status, the backlog, endpoints, and the cron''s last run.';
revoke all on function public.webhook_health() from public, anon, authenticated;
grant execute on function public.webhook_health() to service_role;

create or replace function public.send_test_webhook(webhook_config_id uuid)
returns jsonb
language plpgsql
-- definer: the gateway needs this function, not the tables
security definer
set search_path = ''
as $$
declare
    _endpoint public.webhook_configurations;
    _delivery public.webhook_deliveries;
    _request_id uuid := gen_random_uuid();
begin
    select c.* into _endpoint
    from public.webhook_configurations as c
    where c.id = send_test_webhook.webhook_config_id;
    if not found then
        raise exception 'there is no webhook endpoint %', send_test_webhook.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;
    if not _endpoint.is_active then
        raise exception 'webhook endpoint "%" is inactive', _endpoint.name
            using errcode = '22023', hint = 'Set is_active to true, then test it.';
    end if;
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id)
    values (_endpoint.id, 'webhook.test', jsonb_build_object(
        'event', 'webhook.test',
        'timestamp', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'actor_user_id', null,
        'data', jsonb_build_object('message', 'This is a test delivery.'),
        'request_id', _request_id), _request_id)
    returning * into _delivery;
    return jsonb_build_object('delivery_id', _delivery.id, 'request_id', _request_id);
end $$;
comment on function public.send_test_webhook(uuid) is 'Makes one delivery of the event webhook.test for an endpoint.';
revoke all on function public.send_test_webhook(uuid) from public, anon, authenticated;
grant execute on function public.send_test_webhook(uuid) to service_role;
