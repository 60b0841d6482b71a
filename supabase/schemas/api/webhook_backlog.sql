create or replace function public.webhook_backlog(
    at_most integer default 10000
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_backlog(webhook_backlog.at_most);
end $$;
comment on function public.webhook_backlog(integer) is 'How many deliveries are due now and may go out (counted up to at_most, including expired leases), and since when the oldest has been waiting; how many endpoints'' URLs must be checked, up to 100.';
revoke all on function public.webhook_backlog(integer) from public, anon, authenticated, service_role;
grant execute on function public.webhook_backlog(integer) to service_role;
