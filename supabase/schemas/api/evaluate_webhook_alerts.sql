create or replace function public.evaluate_webhook_alerts(
    policy jsonb,
    lease_seconds double precision default 60
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.evaluate_webhook_alerts(evaluate_webhook_alerts.policy, evaluate_webhook_alerts.lease_seconds);
end $$;
comment on function public.evaluate_webhook_alerts(jsonb, double precision) is 'Starts and ends alerts, and leases the notices to send. policy: thresholds, and channels by kind.';
revoke all on function public.evaluate_webhook_alerts(jsonb, double precision) from public, anon, authenticated, service_role;
grant execute on function public.evaluate_webhook_alerts(jsonb, double precision) to service_role;
