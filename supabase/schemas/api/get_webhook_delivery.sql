create or replace function public.get_webhook_delivery(
    delivery_id uuid
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read', delivery_id => get_webhook_delivery.delivery_id);
    return webhooks.get_webhook_delivery(get_webhook_delivery.delivery_id);
end $$;
comment on function public.get_webhook_delivery(uuid) is 'The details of one delivery: its row, its endpoint, each attempt, and a timeline.';
revoke all on function public.get_webhook_delivery(uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_webhook_delivery(uuid) to authenticated, service_role;
