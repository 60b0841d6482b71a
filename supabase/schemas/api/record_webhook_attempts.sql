create or replace function public.record_webhook_attempts(results jsonb, policy jsonb default '{}')
returns json
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.record_webhook_attempts(record_webhook_attempts.results, record_webhook_attempts.policy);
end $$;
comment on function public.record_webhook_attempts(jsonb, jsonb) is 'Records a batch of attempts: logs each, moves its delivery to delivered, back to pending with backoff, or failed, and opens or closes its endpoint''s circuit. Recording the same result twice changes nothing. policy: failure_threshold, reset_seconds, failure_rate, rate_minimum, rate_window_seconds, disable_after_seconds. Returns the outcome of each: {"recorded", "late"}, each a list of {"delivery_id", "status", "due_in_seconds", "accepted"}.';
revoke all on function public.record_webhook_attempts(jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_attempts(jsonb, jsonb) to service_role;
