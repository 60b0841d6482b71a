-- Finding deliveries: a search with keyset pages whose cost does not grow with the table, and all about one delivery.

-- Newest first, with the id to tell rows of one transaction apart. The two replace indexes that lack the id.
-- squawk-ignore require-concurrent-index-creation -- a migration is one transaction
create index if not exists idx_webhook_deliveries_newest on public.webhook_deliveries (created_at desc, id desc);
-- squawk-ignore require-concurrent-index-deletion
drop index if exists public.idx_webhook_deliveries_created_at;
-- squawk-ignore require-concurrent-index-creation -- a migration is one transaction
create index if not exists idx_webhook_deliveries_of_endpoint
    on public.webhook_deliveries (webhook_config_id, created_at desc, id desc);
-- squawk-ignore require-concurrent-index-deletion
drop index if exists public.idx_webhook_deliveries_config_id;

create or replace function public.search_webhook_deliveries(
    event_type text default null,
    status text default null,
    webhook_config_id uuid default null,
    created_from timestamptz default null,
    created_until timestamptz default null,
    request_id uuid default null,
    payload_path text default null,
    payload_value text default null,
    before_created_at timestamptz default null,
    before_id uuid default null,
    page_size integer default 50
)
returns jsonb
language plpgsql
stable
-- invoker: row level security decides what the caller sees
security invoker
set search_path = ''
-- planned for the filters that are given: the others vanish from the plan
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    -- Event type, status and payload are looked for in so many rows at a time; a page that finds too few of them says
    -- where to go on. So the rarest search costs no more than the commonest.
    _scanned constant integer := 20000;
    _size integer := least(greatest(coalesce(page_size, 50), 1), 500);
    _path text[] := string_to_array(nullif(trim(payload_path), ''), '.');
    _before timestamptz := coalesce(before_created_at, 'infinity');
    _before_id uuid := coalesce(before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    _rows jsonb;
    _next jsonb;
    _searched timestamptz;
begin
    perform webhooks.check_admin();
    if status is not null and status not in ('pending', 'processing', 'delivered', 'failed', 'unfinished') then
        raise exception 'there is no delivery status %', status
            using errcode = '22023', hint = 'pending, processing, delivered, failed, or unfinished for the first two.';
    end if;

    select jsonb_agg(
        jsonb_build_object(
            'id', p.id, 'webhook_config_id', p.webhook_config_id, 'endpoint', c.name, 'event_type', p.event_type,
            'status', p.status, 'attempts', p.attempts, 'max_attempts', c.max_attempts, 'request_id', p.request_id,
            'created_at', p.created_at, 'next_attempt_at', p.next_attempt_at, 'last_attempt_at', p.last_attempt_at,
            'finished_at', p.finished_at, 'response_status', p.response_status, 'error_message', p.error_message)
        order by p.created_at desc, p.id desc)
    into _rows
    from (
        select d.*
        from (
            select s.*
            from public.webhook_deliveries as s
            where (s.created_at, s.id) < (_before, _before_id)
              and (created_from is null or s.created_at >= created_from)
              and (created_until is null or s.created_at <= created_until)
              and (search_webhook_deliveries.request_id is null or s.request_id = search_webhook_deliveries.request_id)
              and (search_webhook_deliveries.webhook_config_id is null
                   or s.webhook_config_id = search_webhook_deliveries.webhook_config_id)
              and (search_webhook_deliveries.status is distinct from 'failed' or s.status = 'failed')
            order by s.created_at desc, s.id desc
            limit _scanned
        ) as d
        where (search_webhook_deliveries.event_type is null or d.event_type = search_webhook_deliveries.event_type)
          and (search_webhook_deliveries.status is null
               or d.status = search_webhook_deliveries.status
               or (search_webhook_deliveries.status = 'unfinished' and d.status in ('pending', 'processing')))
          and (_path is null or d.payload #>> _path = payload_value
               or (payload_value is null and d.payload #> _path is not null))
        order by d.created_at desc, d.id desc
        limit _size + 1
    ) as p
    join public.webhook_configurations as c on c.id = p.webhook_config_id;
    _rows := coalesce(_rows, '[]');

    if jsonb_array_length(_rows) > _size then
        _rows := _rows - _size;
        _next := jsonb_build_object('before_created_at', _rows -> -1 -> 'created_at', 'before_id', _rows -> -1 -> 'id');
    else
        -- the last row that was looked at, unless all were
        select s.created_at, jsonb_build_object('before_created_at', s.created_at, 'before_id', s.id)
        into _searched, _next
        from public.webhook_deliveries as s
        where (s.created_at, s.id) < (_before, _before_id)
          and (created_from is null or s.created_at >= created_from)
          and (created_until is null or s.created_at <= created_until)
          and (search_webhook_deliveries.request_id is null or s.request_id = search_webhook_deliveries.request_id)
          and (search_webhook_deliveries.webhook_config_id is null
               or s.webhook_config_id = search_webhook_deliveries.webhook_config_id)
          and (search_webhook_deliveries.status is distinct from 'failed' or s.status = 'failed')
        order by s.created_at desc, s.id desc
        offset _scanned - 1
        limit 1;
    end if;
    return jsonb_build_object('deliveries', _rows, 'next', _next, 'searched_until', _searched);
end $$;
comment on function public.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer) is 'Deliveries newest first, by any filter; payload_path is dotted (data.community_id). "next" holds the arguments of the next page; "searched_until" is set when a page ended because enough rows had been looked at.';
revoke all on function public.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer) from public, anon, authenticated;
grant execute on function public.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer) to authenticated, service_role;

create or replace function public.get_webhook_delivery(delivery_id uuid)
returns jsonb
language plpgsql
stable
-- invoker: row level security decides what the caller sees
security invoker
set search_path = ''
as $$
declare
    _delivery public.webhook_deliveries;
    _attempts jsonb;
    _timeline jsonb;
begin
    perform webhooks.check_admin();
    select d.* into _delivery from public.webhook_deliveries as d where d.id = get_webhook_delivery.delivery_id;
    if not found then
        raise exception 'there is no webhook delivery %', get_webhook_delivery.delivery_id
            using errcode = 'PT404', hint = 'It may have been purged with its endpoint, or by retention.';
    end if;

    select coalesce(jsonb_agg(to_jsonb(a) - 'delivery_id' order by a.number), '[]') into _attempts
    from public.webhook_attempts as a
    where a.delivery_id = _delivery.id;

    select jsonb_agg(jsonb_build_object('at', t.at, 'kind', t.kind, 'text', t.text) order by t.at, t.place)
    into _timeline
    from (
        select _delivery.created_at as at, 0 as place, 'created' as kind, 'Dispatched as ' || _delivery.event_type as text
        union all
        select a.started_at, a.number * 2, 'attempt', 'Attempt ' || a.number || ' began'
        from public.webhook_attempts as a
        where a.delivery_id = _delivery.id
        union all
        select a.started_at + make_interval(secs => a.duration_ms / 1000.0), a.number * 2 + 1,
               case when a.delivered then 'delivered' else 'refused' end,
               'Attempt ' || a.number || case when a.delivered then ' delivered' else ' failed' end
               || coalesce(', HTTP ' || a.response_status, '') || ', after ' || a.duration_ms || ' ms'
        from public.webhook_attempts as a
        where a.delivery_id = _delivery.id
        union all
        select s.acted_at, 0, 'action', case s.action when 'retry' then 'Retried' else s.action end || ' by ' || s.actor
        from public.webhook_admin_actions as s
        where s.delivery_id = _delivery.id
        union all
        select coalesce(_delivery.leased_at, now()), 900, 'leased', 'Taken by a worker' || coalesce(', ' || _delivery.leased_by, '')
        where _delivery.status = 'processing'
        union all
        select _delivery.next_attempt_at, 901, 'due', 'Next attempt is due'
        where _delivery.status = 'pending'
        union all
        select _delivery.finished_at, 902, _delivery.status,
               case _delivery.status when 'delivered' then 'Delivered' else 'Failed for good' end
        where _delivery.finished_at is not null
    ) as t;

    return jsonb_build_object(
        'id', _delivery.id, 'event_type', _delivery.event_type, 'status', _delivery.status,
        'attempts', _delivery.attempts, 'request_id', _delivery.request_id, 'created_at', _delivery.created_at,
        'next_attempt_at', _delivery.next_attempt_at, 'last_attempt_at', _delivery.last_attempt_at,
        'finished_at', _delivery.finished_at, 'lease_expires_at', _delivery.lease_expires_at,
        'leased_by', _delivery.leased_by, 'response_status', _delivery.response_status,
        'response_body', _delivery.response_body, 'error_message', _delivery.error_message,
        'payload', _delivery.payload,
        -- as text: a number of many digits must reach the page as it is sent
        'body', _delivery.payload::text,
        'pretty_body', jsonb_pretty(_delivery.payload),
        'endpoint', (
            select jsonb_build_object('id', c.id, 'name', c.name, 'url', c.url, 'is_active', c.is_active,
                                      'max_attempts', c.max_attempts)
            from public.webhook_configurations as c
            where c.id = _delivery.webhook_config_id),
        'attempt_log', _attempts,
        'timeline', _timeline);
end $$;
comment on function public.get_webhook_delivery(uuid) is 'All about one delivery: its row, its endpoint, each attempt, and a timeline.';
revoke all on function public.get_webhook_delivery(uuid) from public, anon, authenticated;
grant execute on function public.get_webhook_delivery(uuid) to authenticated, service_role;
