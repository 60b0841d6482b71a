create or replace function webhooks.replace_webhook_secret(webhook_config_id uuid, stored text, sealed text)
returns boolean
language plpgsql
-- definer: behind public.replace_webhook_secret, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _replaced integer;
    _more integer;
begin
    if sealed is null or not starts_with(sealed, 'fernet:') then
        -- not left to the table's checks, whose errors would show the row
        raise exception 'a replaced secret must be encrypted, and start with fernet:' using errcode = '22023';
    end if;
    -- only what is still as it was read: a rotation meanwhile wins
    update webhooks.endpoint_secrets as s
    set secret_key = sealed
    where s.webhook_config_id = replace_webhook_secret.webhook_config_id and s.secret_key = stored;
    get diagnostics _replaced = row_count;
    update webhooks.previous_secrets as p
    set secret_key = sealed
    where p.webhook_config_id = replace_webhook_secret.webhook_config_id and p.secret_key = stored;
    get diagnostics _more = row_count;
    return _replaced + _more > 0;
end $$;
comment on function webhooks.replace_webhook_secret(uuid, text, text) is 'Behind public.replace_webhook_secret.';
revoke all on function webhooks.replace_webhook_secret(uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.replace_webhook_secret(uuid, text, text) to service_role;
