create or replace function webhooks.count_webhook_sign_in(pair text)
returns integer
language sql
-- definer: behind public.count_webhook_sign_in, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into webhooks.sign_in_tries as t (pair, tries)
    values (count_webhook_sign_in.pair, 1)
    on conflict on constraint sign_in_tries_pkey do update
    set tries = case when t.since > now() - interval '15 minutes' then least(t.tries, 10) + 1 else 1 end,
        since = case when t.since > now() - interval '15 minutes' then t.since else now() end
    returning case when t.tries <= 10 then 0 else ceil(extract(epoch from t.since + interval '15 minutes' - now()))::integer end
$$;
comment on function webhooks.count_webhook_sign_in(text) is 'Behind public.count_webhook_sign_in.';
revoke all on function webhooks.count_webhook_sign_in(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.count_webhook_sign_in(text) to service_role;
