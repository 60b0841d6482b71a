create or replace function public.claim_webhook_deliveries(
    batch_size integer default 100,
    lease_seconds integer default 60,
    worker text default null,
    per_endpoint integer default null,
    busy jsonb default '{}',
    project text default null,
    quiet_ms integer default null
)
returns json
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.claim_webhook_deliveries(
        claim_webhook_deliveries.batch_size,
        claim_webhook_deliveries.lease_seconds,
        claim_webhook_deliveries.worker,
        claim_webhook_deliveries.per_endpoint,
        claim_webhook_deliveries.busy,
        claim_webhook_deliveries.project,
        claim_webhook_deliveries.quiet_ms);
end $$;
comment on function public.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) is 'Leases up to batch_size due deliveries, with an equal share for each endpoint within its limits: {"lease_id", "endpoints": their settings, "deliveries": [{"id", "endpoint_id", "event_type", "attempt", "body"}], "due_in_seconds", "held"}. Takes back expired leases. busy: how many deliveries of each endpoint the worker has in flight, less those that it may claim ahead; per_endpoint: how many it may have; project: the worker''s project; quiet_ms: a worker that listens claims again after this many milliseconds, so that it need not be notified until then. "due_in_seconds": when another claim may find more, if nothing is announced before; null: never. "held" says why nothing is claimed: the database belongs to another project.';
revoke all on function public.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) to service_role;
