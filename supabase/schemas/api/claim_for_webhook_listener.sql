create or replace function public.claim_for_webhook_listener(listener uuid, batch_size integer default 20)
returns json
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.claim_for_webhook_listener(claim_for_webhook_listener.listener, claim_for_webhook_listener.batch_size);
end $$;
comment on function public.claim_for_webhook_listener(uuid, integer) is 'Leases up to 20 deliveries of a listener of the caller''s: {"deliveries": [{"id", "event_type", "attempt", "lease_id", "body"}]}. The listener lives for another minute.';
revoke all on function public.claim_for_webhook_listener(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function public.claim_for_webhook_listener(uuid, integer) to authenticated, service_role;
