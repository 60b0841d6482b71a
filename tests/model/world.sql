-- Lets time pass in a test's database: every moment in our tables moves into the past, whatever the column is called.
create function public.pass_time(span interval) returns void
language plpgsql
as $$
declare
    _table record;
begin
    -- no trigger takes it for a person's change
    set local session_replication_role = replica;
    for _table in
        select c.table_schema, c.table_name,
               string_agg(format('%1$I = %1$I - $1', c.column_name), ', ') as assignments
        from information_schema.columns as c
        join information_schema.tables as t using (table_schema, table_name)
        where c.data_type = 'timestamp with time zone' and t.table_type = 'BASE TABLE'
          and (c.table_schema = 'webhooks' or (c.table_schema = 'public' and c.table_name like 'webhook%'))
          -- hours, which are not timestamps
          and c.table_name <> 'delivery_rollups'
        group by c.table_schema, c.table_name
    loop
        execute format('update %I.%I set %s', _table.table_schema, _table.table_name, _table.assignments) using span;
    end loop;
end $$;

-- Everything that the model knows, in one value.
create function public.all_rows() returns jsonb
language sql
as $$
    select jsonb_build_object(
        'endpoints', (
            select coalesce(jsonb_object_agg(c.id, jsonb_build_object(
                'active', c.is_active, 'deleted', c.deleted_at is not null, 'disabled', c.disabled_at is not null,
                'state', h.state, 'since', extract(epoch from h.since), 'open_until', extract(epoch from h.open_until),
                'consecutive', h.consecutive_failures, 'window_started', extract(epoch from h.window_started_at),
                'window_attempts', h.window_attempts, 'window_failures', h.window_failures,
                'failing_since', extract(epoch from h.failing_since),
                'undelivered_at', extract(epoch from h.undelivered_at),
                'paused_until', extract(epoch from h.paused_until), 'tokens', h.tokens,
                'tokens_at', extract(epoch from h.tokens_at), 'places', h.places, 'failed_probes', h.failed_probes)), '{}')
            from public.webhook_configurations as c
            join public.webhook_circuits as h on h.webhook_config_id = c.id),
        'deliveries', (
            select coalesce(jsonb_object_agg(d.id, jsonb_build_object(
                'endpoint', d.webhook_config_id, 'request', d.request_id, 'created', extract(epoch from d.created_at), 'status', d.status,
                'attempts', d.attempts, 'counted', d.counted_attempts,
                'deferred_since', extract(epoch from d.deferred_since), 'finished', extract(epoch from d.finished_at),
                'queued', q.delivery_id is not null, 'ready', q.ready, 'due', extract(epoch from q.due_at),
                'lease', q.lease_id, 'leased_at', extract(epoch from q.leased_at),
                'failed', exists (select from webhooks.failed_deliveries as f where f.delivery_id = d.id),
                'log', (
                    select coalesce(jsonb_agg(jsonb_build_array(a.number, a.delivered, a.counted) order by a.number), '[]')
                    from public.webhook_attempts as a where a.delivery_id = d.id))), '{}')
            from public.webhook_deliveries as d
            left join webhooks.delivery_queue as q on q.delivery_id = d.id and q.created_at = d.created_at),
        -- rows of deleted deliveries
        'orphans', (select count(*) from webhooks.delivery_queue as q
                    where not exists (select from public.webhook_deliveries as d where d.id = q.delivery_id))
            + (select count(*) from webhooks.failed_deliveries as f
               where not exists (select from public.webhook_deliveries as d where d.id = f.delivery_id))
            + (select count(*) from public.webhook_attempts as a
               where not exists (select from public.webhook_deliveries as d where d.id = a.delivery_id)))
$$;
