create or replace function public.forget_webhook_sign_ins(pair text)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    perform webhooks.forget_webhook_sign_ins(forget_webhook_sign_ins.pair);
end $$;
comment on function public.forget_webhook_sign_ins(text) is 'Resets the attempts of an address and an account after a sign-in.';
revoke all on function public.forget_webhook_sign_ins(text) from public, anon, authenticated, service_role;
grant execute on function public.forget_webhook_sign_ins(text) to service_role;
