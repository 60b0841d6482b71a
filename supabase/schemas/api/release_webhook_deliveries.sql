create or replace function public.release_webhook_deliveries(
    leases jsonb
)
returns integer
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.release_webhook_deliveries(release_webhook_deliveries.leases);
end $$;
comment on function public.release_webhook_deliveries(jsonb) is 'Releases leased deliveries that were not attempted: [{"delivery_id", "lease_id"}]. They are due again immediately.';
revoke all on function public.release_webhook_deliveries(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.release_webhook_deliveries(jsonb) to service_role;
