create or replace function webhooks.wake_workers()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _now bigint := floor(extract(epoch from clock_timestamp()) * 1000);
    _quiet_until bigint;
    _locked boolean := false;
begin
    -- most gateways have workers: this look costs less than the call
    if exists (select from webhooks.installation as i where i.gateway_url is not null) then
        perform webhooks.request_drain();
    end if;
    loop
        _quiet_until := (select w.last_value from webhooks.wake_ups as w);
        -- a moment that is a minute away is of a clock that was set back
        exit when abs(_quiet_until) <= _now or abs(_quiet_until) > _now + 60000;
        if _locked then
            return;
        end if;
        -- Until this transaction's end it tells the next claim ("whquiet!" in ASCII) that there is something to wait
        -- for. An earlier claim has ended the quiet first, so check again.
        _locked := pg_try_advisory_xact_lock_shared(8604251837184701473);
        exit when not _locked;
    end loop;
    -- a worker that listens claims at least twice a minute
    if _quiet_until < _now - 120000 then
        perform setval('webhooks.wake_ups', -_now - 1000);
    end if;
    perform pg_notify('webhook_deliveries', '');
end $$;
comment on function webhooks.wake_workers() is 'Notifies the channel webhook_deliveries at commit, unless a worker has announced that it looks again soon; wakes the gateway if configured.';
revoke all on function webhooks.wake_workers() from public, anon, authenticated, service_role;
