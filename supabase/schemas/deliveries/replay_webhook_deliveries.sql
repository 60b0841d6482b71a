create or replace function webhooks.replay_webhook_deliveries(
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
-- definer: behind public.replay_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
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
    if status is null or status not in ('failed', 'delivered') then
        raise exception 'only failed or delivered deliveries can be replayed, not %', coalesce(status, 'null')
            using errcode = '22023', hint = 'Pending ones are delivered automatically.';
    end if;
    if webhook_config_id is not null and not exists (
        select from public.webhook_configurations as c
        where c.id = replay_webhook_deliveries.webhook_config_id and c.is_active
    ) then
        raise exception 'webhook endpoint % does not exist or is inactive', webhook_config_id
            using errcode = 'PT404', hint = 'Enable it first, or leave webhook_config_id out for all.';
    end if;

    -- null, which a caller may pass for an argument left out, is not yes
    if dry_run is not false then
        select count(*) into _matching
        from (
            select
            from (
                select f.delivery_id as id, f.created_at from webhooks.failed_deliveries as f
                where replay_webhook_deliveries.status = 'failed'
                union all
                select h.id, h.created_at from public.webhook_deliveries as h
                where replay_webhook_deliveries.status = 'delivered' and h.status = 'delivered'
            ) as k
            join public.webhook_deliveries as d on d.id = k.id and d.created_at = k.created_at
            join public.webhook_configurations as c on c.id = d.webhook_config_id and c.is_active
            where d.status = replay_webhook_deliveries.status and d.erased_at is null
              and (replay_webhook_deliveries.webhook_config_id is null
                   or d.webhook_config_id = replay_webhook_deliveries.webhook_config_id)
              and (replay_webhook_deliveries.event_type is null or d.event_type = replay_webhook_deliveries.event_type)
              and (created_from is null or k.created_at >= created_from)
              and k.created_at <= _until
              and (after_created_at is null or (k.created_at, k.id) > (after_created_at, after_id))
            limit _countable
        ) as bounded;
        return jsonb_build_object('matching', _matching, 'bounded', _matching = _countable, 'replayed', 0,
                                  'created_until', _until, 'next', null);
    end if;

    with chosen as (
        select d.id
        from (
            select f.delivery_id as id, f.created_at from webhooks.failed_deliveries as f
            where replay_webhook_deliveries.status = 'failed'
            union all
            select h.id, h.created_at from public.webhook_deliveries as h
            where replay_webhook_deliveries.status = 'delivered' and h.status = 'delivered'
        ) as k
        join public.webhook_deliveries as d on d.id = k.id and d.created_at = k.created_at
        join public.webhook_configurations as c on c.id = d.webhook_config_id and c.is_active
        where d.status = replay_webhook_deliveries.status and d.erased_at is null
          and (replay_webhook_deliveries.webhook_config_id is null
               or d.webhook_config_id = replay_webhook_deliveries.webhook_config_id)
          and (replay_webhook_deliveries.event_type is null or d.event_type = replay_webhook_deliveries.event_type)
          and (created_from is null or k.created_at >= created_from)
          and k.created_at <= _until
          and (after_created_at is null or (k.created_at, k.id) > (after_created_at, after_id))
        order by k.created_at, k.id
        limit _batch
        -- a row that a late result holds just now is left to it
        for update of d skip locked
    ),
    changed as (
        -- the table's trigger queues them
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
comment on function webhooks.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) is 'Behind public.replay_webhook_deliveries.';
revoke all on function webhooks.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) to authenticated, service_role;
