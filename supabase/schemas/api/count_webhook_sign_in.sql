create or replace function public.count_webhook_sign_in(pair text)
returns integer
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.count_webhook_sign_in(count_webhook_sign_in.pair);
end $$;
comment on function public.count_webhook_sign_in(text) is 'Counts an attempt to sign in to the dashboard; returns 0 if it is allowed, else the seconds to wait. Ten attempts in 15 minutes are allowed per address and account together.';
revoke all on function public.count_webhook_sign_in(text) from public, anon, authenticated, service_role;
grant execute on function public.count_webhook_sign_in(text) to service_role;
