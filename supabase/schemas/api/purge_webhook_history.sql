create or replace function public.purge_webhook_history(
    older_than interval,
    batch_size integer default 1000
)
returns integer
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.purge_webhook_history(purge_webhook_history.older_than, purge_webhook_history.batch_size);
end $$;
comment on function public.purge_webhook_history(interval, integer) is 'Deletes up to batch_size each of finished deliveries with their attempts, hourly figures, dispatcher runs, trigger errors, logged dispatches of servers and idempotency keys that are older than older_than, and sign-in attempts older than 15 minutes; returns how many. Pending deliveries are kept, however old, and so is the newest dispatcher run.';
revoke all on function public.purge_webhook_history(interval, integer) from public, anon, authenticated, service_role;
grant execute on function public.purge_webhook_history(interval, integer) to service_role;
