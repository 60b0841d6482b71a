create or replace function webhooks.make_partition(parent text, name text, begins timestamptz, ends timestamptz)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- with a key of its own: one of the whole table would have to contain the time
    execute format('create table webhooks.%I partition of public.%I (primary key (%s)) for values from (%s) to (%s) with (%s)',
        make_partition.name, parent,
        case parent when 'webhook_deliveries' then 'id' else 'delivery_id, number' end,
        coalesce(quote_literal(begins), 'minvalue'), coalesce(quote_literal(ends), 'maxvalue'),
        -- as the ordinary table has it
        case parent
            when 'webhook_deliveries' then
                'fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02'
            else 'fillfactor = 100'
        end);
    -- it is read through the whole table, whose policies then apply; by itself no role may read it
    execute format('alter table webhooks.%I enable row level security', make_partition.name);
    execute format('revoke all on webhooks.%I from public, anon, authenticated, service_role', make_partition.name);
    execute format('comment on table webhooks.%I is %L', make_partition.name,
        format('Partition of public.%s from %s to %s.', parent, coalesce(begins::text, 'the beginning'), coalesce(ends::text, 'the end')));
end $$;
comment on function webhooks.make_partition(text, text, timestamptz, timestamptz) is 'Creates a partition of history; without a start or an end, it is open on that side.';
revoke all on function webhooks.make_partition(text, text, timestamptz, timestamptz) from public, anon, authenticated, service_role;
