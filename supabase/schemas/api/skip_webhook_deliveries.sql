create or replace function public.skip_webhook_deliveries(
    delivery_ids uuid[]
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.skip_webhook_deliveries(skip_webhook_deliveries.delivery_ids);
end $$;
comment on function public.skip_webhook_deliveries(uuid[]) is 'Ends selected pending deliveries without sending them: they fail with "skipped by" and the caller. {"skipped"}. Those that are being sent or are finished are not changed.';
revoke all on function public.skip_webhook_deliveries(uuid[]) from public, anon, authenticated, service_role;
grant execute on function public.skip_webhook_deliveries(uuid[]) to authenticated, service_role;
