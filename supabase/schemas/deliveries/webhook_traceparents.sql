create or replace function webhooks.webhook_traceparents(delivery_ids uuid[])
returns jsonb
language sql
stable
-- definer: behind public.webhook_traceparents, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_object_agg(d.id, d.traceparent), '{}')
    from public.webhook_deliveries as d
    where d.id = any (delivery_ids) and d.traceparent is not null
$$;
comment on function webhooks.webhook_traceparents(uuid[]) is 'Behind public.webhook_traceparents.';
revoke all on function webhooks.webhook_traceparents(uuid[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_traceparents(uuid[]) to service_role;
