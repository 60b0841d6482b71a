create or replace function webhooks.forget_webhook_sign_ins(pair text)
returns void
language sql
-- definer: behind public.forget_webhook_sign_ins, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from webhooks.sign_in_tries as t where t.pair = forget_webhook_sign_ins.pair
$$;
comment on function webhooks.forget_webhook_sign_ins(text) is 'Behind public.forget_webhook_sign_ins.';
revoke all on function webhooks.forget_webhook_sign_ins(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.forget_webhook_sign_ins(text) to service_role;
