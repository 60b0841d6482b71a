create or replace function webhooks.search_webhook_deliveries(
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
    page_size integer default 50,
    response_status integer default null,
    tenant_id text default null
)
returns jsonb
language plpgsql
stable
-- definer: behind public.search_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- planned for the filters that are given: the others vanish from the plan
set plan_cache_mode = force_custom_plan
-- in the order of an index, so that a page reads no more than a page
set enable_hashjoin = off
set enable_mergejoin = off
-- switched off below where it must not be; named here, it comes back with the function's end
set enable_sort = on
set enable_seqscan = off
set max_parallel_workers_per_gather = 0
set jit = off
as $$
declare
    -- Event type, status and payload are looked for in this many rows at a time; a page that finds too few of them says
    -- where to go on. So the rarest search costs no more than the commonest.
    _scanned constant integer := 20000;
    _size integer := least(greatest(coalesce(page_size, 50), 1), 500);
    _path text[] := string_to_array(nullif(trim(payload_path), ''), '.');
    _before timestamptz := coalesce(before_created_at, 'infinity');
    _before_id uuid := coalesce(before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    -- a tenant's deliveries by its own index, those that failed too; not those to the app's own endpoints
    _endpoints uuid[] := case when search_webhook_deliveries.tenant_id is not null then array(
        select c.id from public.webhook_configurations as c where c.tenant_id = search_webhook_deliveries.tenant_id) end;
    _failed constant boolean := coalesce(search_webhook_deliveries.status = 'failed', false)
        and search_webhook_deliveries.tenant_id is null;
    _rows jsonb;
    _next jsonb;
    _searched timestamptz;
begin
    if status is not null and status not in ('pending', 'processing', 'delivered', 'failed', 'unfinished') then
        raise exception 'unknown delivery status %', status
            using errcode = '22023', hint = 'pending, processing, delivered, failed, or unfinished for the first two.';
    end if;

    perform webhooks.check_payload_search(payload_path);
    if _failed then
        -- a table that is not analyzed seems small enough to sort
        perform set_config('enable_sort', 'off', true);
    end if;
    select jsonb_agg(
        jsonb_build_object(
            'id', p.id, 'webhook_config_id', p.webhook_config_id, 'endpoint', c.name, 'endpoint_deleted', c.deleted_at is not null, 'event_type', p.event_type,
            'status', p.status, 'attempts', p.attempts, 'max_attempts', coalesce(cardinality(c.retry_schedule) + 1, c.max_attempts), 'request_id', p.request_id,
            'created_at', p.created_at, 'next_attempt_at', p.next_attempt_at, 'last_attempt_at', p.last_attempt_at,
            'finished_at', p.finished_at, 'response_status', p.response_status, 'error_message', p.error_message,
            'duration_ms', (
                select a.duration_ms
                from public.webhook_attempts as a
                -- by a worker's clock: the margin forgives it, and leaves out older partitions
                where a.delivery_id = p.id and a.started_at > p.created_at - interval '1 hour'
                order by a.number desc
                limit 1),
            'waits_for', webhooks.why_waiting(p.status, p.next_attempt_at, c, h))
        order by p.created_at desc, p.id desc)
    into _rows
    from (
        select d.*
        from (
            (
                select s.*
                from public.webhook_deliveries as s
                where not _failed
                  and (_endpoints is null or s.tenant_id = search_webhook_deliveries.tenant_id and s.webhook_config_id = any (_endpoints))
                  and (s.created_at, s.id) < (_before, _before_id)
                  and (created_from is null or s.created_at >= created_from)
                  and (created_until is null or s.created_at <= created_until)
                  and (search_webhook_deliveries.request_id is null or s.request_id = search_webhook_deliveries.request_id)
                  and (search_webhook_deliveries.webhook_config_id is null
                       or s.webhook_config_id = search_webhook_deliveries.webhook_config_id)
                order by s.created_at desc, s.id desc
                limit _scanned
            )
            union all
            (
                select s.*
                from webhooks.failed_deliveries as f
                join public.webhook_deliveries as s on s.id = f.delivery_id and s.created_at = f.created_at
                where _failed
                  and (f.created_at, f.delivery_id) < (_before, _before_id)
                  and (created_from is null or f.created_at >= created_from)
                  and (created_until is null or f.created_at <= created_until)
                  and (search_webhook_deliveries.request_id is null or s.request_id = search_webhook_deliveries.request_id)
                  and (search_webhook_deliveries.webhook_config_id is null
                       or f.webhook_config_id = search_webhook_deliveries.webhook_config_id)
                order by f.created_at desc, f.delivery_id desc
                limit _scanned
            )
        ) as d
        where (search_webhook_deliveries.event_type is null or d.event_type = search_webhook_deliveries.event_type)
          and (search_webhook_deliveries.status is null
               or d.status = search_webhook_deliveries.status
               or (search_webhook_deliveries.status = 'unfinished' and d.status in ('pending', 'processing')))
          and (search_webhook_deliveries.response_status is null or d.response_status = search_webhook_deliveries.response_status)
          and (_path is null or d.payload #>> _path = payload_value
               or (payload_value is null and d.payload #> _path is not null))
        order by d.created_at desc, d.id desc
        limit _size + 1
    ) as p
    join public.webhook_configurations as c on c.id = p.webhook_config_id
    left join public.webhook_circuits as h on h.webhook_config_id = p.webhook_config_id;
    _rows := coalesce(_rows, '[]');

    if jsonb_array_length(_rows) > _size then
        _rows := _rows - _size;
        _next := jsonb_build_object('before_created_at', _rows -> -1 -> 'created_at', 'before_id', _rows -> -1 -> 'id');
    else
        -- the last row that was looked at, unless all were
        select s.created_at, jsonb_build_object('before_created_at', s.created_at, 'before_id', s.id)
        into _searched, _next
        from (
            (
                select s.created_at, s.id
                from public.webhook_deliveries as s
                where not _failed
                  and (_endpoints is null or s.tenant_id = search_webhook_deliveries.tenant_id and s.webhook_config_id = any (_endpoints))
                  and (s.created_at, s.id) < (_before, _before_id)
                  and (created_from is null or s.created_at >= created_from)
                  and (created_until is null or s.created_at <= created_until)
                  and (search_webhook_deliveries.request_id is null or s.request_id = search_webhook_deliveries.request_id)
                  and (search_webhook_deliveries.webhook_config_id is null
                       or s.webhook_config_id = search_webhook_deliveries.webhook_config_id)
                order by s.created_at desc, s.id desc
                offset _scanned - 1 limit 1
            )
            union all
            (
                select s.created_at, s.id
                from webhooks.failed_deliveries as f
                join public.webhook_deliveries as s on s.id = f.delivery_id and s.created_at = f.created_at
                where _failed
                  and (f.created_at, f.delivery_id) < (_before, _before_id)
                  and (created_from is null or f.created_at >= created_from)
                  and (created_until is null or f.created_at <= created_until)
                  and (search_webhook_deliveries.request_id is null or s.request_id = search_webhook_deliveries.request_id)
                  and (search_webhook_deliveries.webhook_config_id is null
                       or f.webhook_config_id = search_webhook_deliveries.webhook_config_id)
                order by f.created_at desc, f.delivery_id desc
                offset _scanned - 1 limit 1
            )
        ) as s;
    end if;
    return jsonb_build_object('deliveries', _rows, 'next', _next, 'searched_until', _searched);
end $$;
comment on function webhooks.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) is 'Behind public.search_webhook_deliveries.';
revoke all on function webhooks.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) to authenticated, service_role;
