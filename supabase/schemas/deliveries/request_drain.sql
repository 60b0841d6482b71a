-- The wake-up of a gateway without workers: a request by pg_net, which sends it once the transaction has committed. Only
-- where webhooks.wake_by_request asked for it. A gateway looks again a second later, for what this leaves out.
create or replace function webhooks.request_drain()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _gateway text;
    _drain integer;
    _token text;
    _second integer := floor(extract(epoch from clock_timestamp()))::bigint % 2147483648;
begin
    select i.gateway_url, i.drain_seconds into _gateway, _drain
    from webhooks.installation as i
    where i.gateway_url is not null and i.held_for is null;
    if not found
        -- a later one, where this transaction waited for its turn; a minute later, and the clock was set back
        or (select r.last_value from webhooks.drain_requests as r) between _second and _second + 60
        -- one request a transaction, however long it lasts: all are sent at its end
        or current_setting('webhooks.drain_requested', true) = 'on'
        -- of several transactions in the same second, one gets the lock; one that gets it afterwards checks again
        or not pg_try_advisory_xact_lock(hashtext('webhooks.drain_requests'), _second)
        or (select r.last_value from webhooks.drain_requests as r) between _second and _second + 60
    then
        return;
    end if;
    perform setval('webhooks.drain_requests', _second);
    perform set_config('webhooks.drain_requested', 'on', true);
    begin
        -- dynamic SQL: neither extension may exist
        execute 'select s.decrypted_secret from vault.decrypted_secrets as s where s.name = $1'
        into strict _token
        using 'webhooks_dispatch_token';
        execute 'select net.http_post(url := $1, body := ''{}'', headers := $2, timeout_milliseconds := $3)'
        using _gateway || '/functions/v1/webhook-dispatcher?heartbeat=false' || coalesce('&drain=' || _drain, ''),
              jsonb_build_object('Content-Type', 'application/json', 'Authorization', 'Bearer ' || _token),
              -- longer than the drain
              (coalesce(_drain, 5) + 5) * 1000;
    exception when others then
        -- it must not fail the user's change; the cron finds the deliveries
        raise warning 'the gateway was not woken: %', sqlerrm using hint = 'webhooks doctor says why.';
    end;
end $$;
comment on function webhooks.request_drain() is 'Wakes the gateway by pg_net, at most once a second, where webhooks.wake_by_request asked for it.';
revoke all on function webhooks.request_drain() from public, anon, authenticated, service_role;
