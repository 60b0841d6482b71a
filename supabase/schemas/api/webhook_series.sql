create or replace function public.webhook_series(
    span interval default '1 hour',
    buckets integer default 60
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read');
    return webhooks.webhook_series(webhook_series.span, webhook_series.buckets);
end $$;
comment on function public.webhook_series(interval, integer) is 'Deliveries by creation time and current status, and attempts'' latencies, in equal buckets that begin by the clock, the newest with now in it; each as a column. In buckets of ten minutes or more, latencies are about those of the hour.';
revoke all on function public.webhook_series(interval, integer) from public, anon, authenticated, service_role;
grant execute on function public.webhook_series(interval, integer) to authenticated, service_role;
