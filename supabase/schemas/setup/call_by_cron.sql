-- For the database's owner, in the SQL editor or by `webhooks cron database`.
create or replace function webhooks.call_by_cron(gateway_url text)
returns text
language plpgsql
-- invoker, and for the owner alone: it says where the dispatch token is sent
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _gateway text := rtrim(call_by_cron.gateway_url, '/');
    _problem text;
begin
    if to_regclass('cron.job') is null then
        raise exception 'pg_cron is not enabled: enable it under Database > Extensions' using errcode = '55000';
    end if;
    if _gateway is null then
        execute 'select cron.unschedule(j.jobname) from cron.job as j where j.jobname = $1' using 'webhook-dispatcher';
        return 'pg_cron does not call a gateway';
    end if;
    if _gateway !~ '^https://[^/?#@''[:space:]]+(/[^?#@''[:space:]]*)?$' then
        raise exception 'gateway_url must be the gateway''s address, such as https://gateway.example.com'
            using errcode = '22023', hint = 'Without the function''s path, a query or a password. https is required, since the dispatch token is sent there.';
    end if;
    _problem := webhooks.wake_up_problem();
    if _problem is not null then
        raise exception '%', _problem using errcode = '55000';
    end if;
    -- the token is read at each call, so that the job does not contain it
    execute 'select cron.schedule($1, $2, $3)'
    using 'webhook-dispatcher', '* * * * *', format($job$
    select net.http_post(
        url := %L,
        headers := jsonb_build_object(
            'Content-Type', 'application/json',
            'Authorization', 'Bearer ' || (
                select decrypted_secret from vault.decrypted_secrets where name = 'webhooks_dispatch_token')),
        body := '{}'::jsonb,
        timeout_milliseconds := 30000)
$job$, _gateway || '/functions/v1/webhook-dispatcher');
    return 'pg_cron calls ' || _gateway || ' once a minute';
end $$;
comment on function webhooks.call_by_cron(text) is 'Makes pg_cron call the gateway once a minute through pg_net, with the dispatch token from Vault. A null address turns it off. For the owner of the database.';
revoke all on function webhooks.call_by_cron(text) from public, anon, authenticated, service_role;
