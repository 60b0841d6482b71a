create or replace function public.start_webhook_listener(events text[])
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.start_webhook_listener(start_webhook_listener.events);
end $$;
comment on function public.start_webhook_listener(text[]) is 'Starts a listener: creates a temporary endpoint, listen://..., that no worker delivers to, and returns {"id", "name"}. Its owner claims its deliveries with claim_for_webhook_listener, at least once a minute; otherwise it is deleted with its deliveries. For `webhooks listen`.';
revoke all on function public.start_webhook_listener(text[]) from public, anon, authenticated, service_role;
grant execute on function public.start_webhook_listener(text[]) to authenticated, service_role;
