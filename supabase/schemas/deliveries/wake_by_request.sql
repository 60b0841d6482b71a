-- For the database's owner, in the SQL editor.
create or replace function webhooks.wake_by_request(gateway_url text, drain_seconds integer default 20)
returns text
language plpgsql
-- invoker, and for the owner alone: it says where the dispatch token is sent
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _problem text := webhooks.wake_up_problem();
begin
    if wake_by_request.gateway_url is null then
        update webhooks.installation as i set gateway_url = null, drain_seconds = null;
        return 'the database does not wake a gateway';
    end if;
    if wake_by_request.gateway_url !~ '^https://[^/?#@[:space:]]+(/[^?#@[:space:]]*)?$' then
        raise exception 'gateway_url must be the gateway''s address, such as https://gateway.example.com'
            using errcode = '22023', hint = 'Without the function''s path, a query or a password. https is required, since the dispatch token is sent there.';
    end if;
    if wake_by_request.drain_seconds not between 3 and 900 then
        raise exception 'drain_seconds must be between 3 and 900' using errcode = '22023', hint = 'Use null if workers with a broker deliver.';
    end if;
    if _problem is not null then
        raise exception '%', _problem using errcode = '55000';
    end if;
    insert into webhooks.installation as i (gateway_url, drain_seconds)
    values (rtrim(wake_by_request.gateway_url, '/'), wake_by_request.drain_seconds)
    on conflict (only_row) do update set gateway_url = excluded.gateway_url, drain_seconds = excluded.drain_seconds;
    return 'new deliveries wake ' || rtrim(wake_by_request.gateway_url, '/');
end $$;
comment on function webhooks.wake_by_request(text, integer) is 'Makes new deliveries wake the gateway through pg_net, at most once a second, with the dispatch token from Vault. drain_seconds: how long it delivers in that request; null: it wakes workers. A null address turns it off. For the owner of the database.';
revoke all on function webhooks.wake_by_request(text, integer) from public, anon, authenticated, service_role;
