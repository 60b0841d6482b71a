create or replace function public.webhook_traceparents(
    delivery_ids uuid[]
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_traceparents(webhook_traceparents.delivery_ids);
end $$;
comment on function public.webhook_traceparents(uuid[]) is 'The traceparent of each delivery that has one, by id.';
revoke all on function public.webhook_traceparents(uuid[]) from public, anon, authenticated, service_role;
grant execute on function public.webhook_traceparents(uuid[]) to service_role;
