create or replace function public.record_for_webhook_listener(listener uuid, results jsonb)
returns json
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.record_for_webhook_listener(record_for_webhook_listener.listener, record_for_webhook_listener.results);
end $$;
comment on function public.record_for_webhook_listener(uuid, jsonb) is 'Records attempts of deliveries that a listener of the caller''s has claimed: [{"delivery_id", "lease_id", "attempt", "started_at", "duration_ms", "delivered", "response_status", "response_excerpt", "error"}]. A failed one is not retried. Returns what record_webhook_attempts does.';
revoke all on function public.record_for_webhook_listener(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_for_webhook_listener(uuid, jsonb) to authenticated, service_role;
