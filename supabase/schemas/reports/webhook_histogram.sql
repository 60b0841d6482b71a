create or replace function webhooks.webhook_histogram(
    created_from timestamptz,
    created_until timestamptz default null,
    bucket_seconds integer default 900,
    event_type text default null,
    status text default null,
    webhook_config_id uuid default null,
    request_id uuid default null,
    payload_path text default null,
    payload_value text default null,
    response_status integer default null
)
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_histogram, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- planned for the filters that are given: the others vanish from the plan
set plan_cache_mode = force_custom_plan
-- in the order of an index, so that a bucket reads no more than it counts
set enable_hashjoin = off
set enable_mergejoin = off
-- switched on below where it must be; named here, it comes back with the function's end
set enable_sort = off
set enable_seqscan = off
set max_parallel_workers_per_gather = 0
set jit = off
as $$
declare
    -- rows that are read of a bucket: so a page costs no more for a large table than for a small one
    _most constant integer := 500;
    -- entries of an index
    _most_of_all constant integer := 10000;
    _path text[] := string_to_array(nullif(trim(payload_path), ''), '.');
    _until timestamptz := coalesce(created_until, now());
    _first double precision := floor(extract(epoch from created_from) / nullif(bucket_seconds, 0));
    _buckets integer := floor(extract(epoch from _until) / nullif(bucket_seconds, 0)) - _first + 1;
begin
    perform webhooks.check_payload_search(payload_path);
    if created_from is null or bucket_seconds is null or bucket_seconds < 1 or _buckets not between 1 and 200 then
        raise exception 'a histogram has 1 to 200 buckets of 1 second or more'
            using errcode = '22023', hint = 'Choose bucket_seconds so that they cover created_from to created_until.';
    end if;
    if coalesce(event_type, payload_path, webhook_config_id::text, request_id::text, response_status::text) is null
        and coalesce(status, 'failed') in ('delivered', 'failed', 'unfinished')
    then
        -- by no more than their status: counted in indexes, which costs less
        return (
            select jsonb_build_object(
                'bucket_seconds', bucket_seconds,
                'at', jsonb_agg(((_first + c.number - 1) * bucket_seconds)::bigint order by c.number),
                'delivered', jsonb_agg(case when coalesce(status, 'delivered') = 'delivered' then c.delivered else 0 end order by c.number),
                'failed', jsonb_agg(case when coalesce(status, 'failed') = 'failed' then c.failed else 0 end order by c.number),
                'pending', jsonb_agg(case when coalesce(status, 'unfinished') = 'unfinished' then c.pending else 0 end order by c.number),
                'more', jsonb_agg(case status when 'failed' then c.failed = _most_of_all when 'unfinished' then false else c.more end order by c.number))
            from webhooks.count_deliveries(
                array(
                    select greatest(to_timestamp((_first + n) * bucket_seconds), created_from)
                    from generate_series(0, _buckets - 1) as n),
                _until, _most_of_all) as c);
    end if;
    if request_id is not null then
        -- one event's deliveries are few: found by its index, and sorted
        perform set_config('enable_sort', 'on', true);
    end if;
    return (
        select jsonb_build_object(
            'bucket_seconds', bucket_seconds,
            'at', jsonb_agg(extract(epoch from b.at)::bigint order by b.at),
            'delivered', jsonb_agg(c.delivered order by b.at),
            'failed', jsonb_agg(c.failed order by b.at),
            'pending', jsonb_agg(c.pending order by b.at),
            'more', jsonb_agg(c.read = _most order by b.at))
        from (
            select to_timestamp((_first + n) * bucket_seconds) as at, to_timestamp((_first + n + 1) * bucket_seconds) as before
            from generate_series(0, _buckets - 1) as n
        ) as b
        cross join lateral (
            select count(*) as read,
                   count(*) filter (where d.matches and d.status = 'delivered') as delivered,
                   count(*) filter (where d.matches and d.status = 'failed') as failed,
                   count(*) filter (where d.matches and d.status in ('pending', 'processing')) as pending
            from (
                select s.status,
                       (webhook_histogram.event_type is null or s.event_type = webhook_histogram.event_type)
                       and (webhook_histogram.status is null
                            or s.status = webhook_histogram.status
                            or (webhook_histogram.status = 'unfinished' and s.status in ('pending', 'processing')))
                       and (webhook_histogram.response_status is null or s.response_status = webhook_histogram.response_status)
                       and (_path is null or s.payload #>> _path = payload_value
                            or (payload_value is null and s.payload #> _path is not null)) as matches
                from (
                    (
                        select r.*
                        from public.webhook_deliveries as r
                        where webhook_histogram.status is distinct from 'failed'
                          and r.created_at >= greatest(b.at, webhook_histogram.created_from)
                          and r.created_at < b.before and r.created_at <= _until
                          and (webhook_histogram.request_id is null or r.request_id = webhook_histogram.request_id)
                          and (webhook_histogram.webhook_config_id is null
                               or r.webhook_config_id = webhook_histogram.webhook_config_id)
                        order by r.created_at desc, r.id desc
                        limit _most
                    )
                    union all
                    (
                        select r.*
                        from webhooks.failed_deliveries as f
                        join public.webhook_deliveries as r on r.id = f.delivery_id and r.created_at = f.created_at
                        where webhook_histogram.status = 'failed'
                          and f.created_at >= greatest(b.at, webhook_histogram.created_from)
                          and f.created_at < b.before and f.created_at <= _until
                          and (webhook_histogram.request_id is null or r.request_id = webhook_histogram.request_id)
                          and (webhook_histogram.webhook_config_id is null
                               or f.webhook_config_id = webhook_histogram.webhook_config_id)
                        order by f.created_at desc, f.delivery_id desc
                        limit _most
                    )
                ) as s
            ) as d
        ) as c);
end $$;
comment on function webhooks.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) is 'Behind public.webhook_histogram.';
revoke all on function webhooks.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) to authenticated, service_role;
