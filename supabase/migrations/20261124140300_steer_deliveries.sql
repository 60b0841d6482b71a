-- Retry one delivery, replay many, send a test: for servers, and for admins with their own token.

-- Failed rows are few and looked for often.
-- squawk-ignore require-concurrent-index-creation -- a migration is one transaction
create index if not exists idx_webhook_deliveries_failed
    on public.webhook_deliveries (created_at desc, id desc) where status = 'failed';

create or replace function public.retry_webhook_delivery(delivery_id uuid)
returns jsonb
language plpgsql
-- definer: admins may not write deliveries
security definer
set search_path = ''
as $$
declare
    _delivery public.webhook_deliveries;
    _endpoint public.webhook_configurations;
begin
    perform webhooks.check_admin();
    select d.* into _delivery
    from public.webhook_deliveries as d
    where d.id = retry_webhook_delivery.delivery_id
    for update;
    if not found then
        raise exception 'there is no webhook delivery %', retry_webhook_delivery.delivery_id
            using errcode = 'PT404', hint = 'The deliveries are in the table public.webhook_deliveries.';
    end if;
    select c.* into _endpoint from public.webhook_configurations as c where c.id = _delivery.webhook_config_id;
    if not _endpoint.is_active then
        raise exception 'webhook endpoint "%" is inactive', _endpoint.name
            using errcode = '22023', hint = 'Enable it: its pending deliveries then flow by themselves.';
    end if;
    if _delivery.status = 'processing' then
        raise exception 'webhook delivery % is under way', _delivery.id
            using errcode = '22023', hint = 'Wait for its result.';
    end if;
    -- the attempts stay: this one continues their numbers, and after it the delivery is delivered or failed again
    update public.webhook_deliveries as d
    set status = 'pending', next_attempt_at = now(), finished_at = null
    where d.id = _delivery.id;
    perform webhooks.log_action('retry', _delivery.webhook_config_id, _delivery.id,
        jsonb_build_object('status', _delivery.status, 'attempts', _delivery.attempts));
    return jsonb_build_object('delivery_id', _delivery.id, 'status', 'pending', 'attempts', _delivery.attempts);
end $$;
comment on function public.retry_webhook_delivery(uuid) is 'Makes a delivery due now: one more attempt for a failed one, once more for a delivered one, at once for one that waits.';
revoke all on function public.retry_webhook_delivery(uuid) from public, anon, authenticated;
grant execute on function public.retry_webhook_delivery(uuid) to authenticated, service_role;

create or replace function public.replay_webhook_deliveries(
    webhook_config_id uuid default null,
    created_from timestamptz default null,
    created_until timestamptz default null,
    event_type text default null,
    status text default 'failed',
    dry_run boolean default true,
    at_most integer default 1000,
    after_created_at timestamptz default null,
    after_id uuid default null
)
returns jsonb
language plpgsql
-- definer: admins may not write deliveries
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    -- a count of more than this is of no use before acting, and takes long
    _countable constant integer := 100000;
    _until timestamptz := coalesce(created_until, now());
    _batch integer := least(greatest(coalesce(at_most, 1000), 1), 10000);
    _matching integer;
    _replayed integer := 0;
    _last public.webhook_deliveries;
begin
    perform webhooks.check_admin();
    if status is null or status not in ('failed', 'delivered') then
        raise exception 'only failed or delivered deliveries can be replayed, not %', coalesce(status, 'null')
            using errcode = '22023', hint = 'Pending ones go out by themselves.';
    end if;
    if webhook_config_id is not null and not exists (
        select from public.webhook_configurations as c
        where c.id = replay_webhook_deliveries.webhook_config_id and c.is_active
    ) then
        raise exception 'there is no active webhook endpoint %', webhook_config_id
            using errcode = 'PT404', hint = 'Enable it first, or leave webhook_config_id out for all.';
    end if;

    if dry_run then
        select count(*) into _matching
        from (
            select
            from public.webhook_deliveries as d
            join public.webhook_configurations as c on c.id = d.webhook_config_id and c.is_active
            where d.status = replay_webhook_deliveries.status
              and (replay_webhook_deliveries.webhook_config_id is null
                   or d.webhook_config_id = replay_webhook_deliveries.webhook_config_id)
              and (replay_webhook_deliveries.event_type is null or d.event_type = replay_webhook_deliveries.event_type)
              and (created_from is null or d.created_at >= created_from)
              and d.created_at <= _until
              and (after_created_at is null or (d.created_at, d.id) > (after_created_at, after_id))
            limit _countable
        ) as bounded;
        return jsonb_build_object('matching', _matching, 'bounded', _matching = _countable, 'replayed', 0,
                                  'created_until', _until, 'next', null);
    end if;

    with chosen as (
        select d.id
        from public.webhook_deliveries as d
        join public.webhook_configurations as c on c.id = d.webhook_config_id and c.is_active
        where d.status = replay_webhook_deliveries.status
          and (replay_webhook_deliveries.webhook_config_id is null
               or d.webhook_config_id = replay_webhook_deliveries.webhook_config_id)
          and (replay_webhook_deliveries.event_type is null or d.event_type = replay_webhook_deliveries.event_type)
          and (created_from is null or d.created_at >= created_from)
          and d.created_at <= _until
          and (after_created_at is null or (d.created_at, d.id) > (after_created_at, after_id))
        order by d.created_at, d.id
        limit _batch
        -- a row that a late result holds just now is left to it
        for update of d skip locked
    ),
    changed as (
        update public.webhook_deliveries as d
        set status = 'pending', next_attempt_at = now(), finished_at = null
        where d.id = any (array(select k.id from chosen as k))
        returning d.id, d.created_at
    ),
    counted as (
        select count(*) as n from changed
    )
    select n.n, k.created_at, k.id into _replayed, _last.created_at, _last.id
    from counted as n
    left join lateral (
        select h.created_at, h.id from changed as h order by h.created_at desc, h.id desc limit 1
    ) as k on true;

    perform webhooks.log_action('replay', webhook_config_id, null, jsonb_strip_nulls(jsonb_build_object(
        'created_from', created_from, 'created_until', _until, 'event_type', event_type, 'status', status,
        'replayed', _replayed)));
    return jsonb_build_object(
        'matching', null, 'bounded', _replayed = _batch, 'replayed', _replayed, 'created_until', _until,
        'next', case when _replayed = _batch then
            jsonb_build_object('after_created_at', _last.created_at, 'after_id', _last.id) end);
end $$;
comment on function public.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) is 'Makes failed (or delivered) deliveries due again, oldest first. By default it only counts: {"matching"}. With dry_run false it takes at_most of them; go on with "next" and the same created_until until "next" is null.';
revoke all on function public.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) from public, anon, authenticated;
grant execute on function public.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) to authenticated, service_role;

create or replace function public.send_test_webhook(webhook_config_id uuid)
returns jsonb
language plpgsql
-- definer: neither the gateway nor an admin may write deliveries
security definer
set search_path = ''
as $$
declare
    _endpoint public.webhook_configurations;
    _delivery public.webhook_deliveries;
    _request_id uuid := gen_random_uuid();
begin
    perform webhooks.check_admin();
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
    perform webhooks.log_action('send_test', _endpoint.id, _delivery.id);
    return jsonb_build_object('delivery_id', _delivery.id, 'request_id', _request_id);
end $$;
grant execute on function public.send_test_webhook(uuid) to authenticated;
