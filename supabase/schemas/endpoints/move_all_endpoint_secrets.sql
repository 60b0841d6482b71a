create or replace function webhooks.move_all_endpoint_secrets()
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _moved integer;
begin
    if not exists (
        select from public.webhook_configurations as c where c.secret_key is not null or c.headers is not null
    ) then
        return 0;
    end if;
    -- as an update of each would, but without changing updated_at of endpoints that were not edited
    insert into webhooks.endpoint_secrets (webhook_config_id, secret_key, headers)
    select c.id, nullif(c.secret_key, ''), nullif(c.headers, '{}')
    from public.webhook_configurations as c
    where c.secret_key is not null or c.headers is not null
    on conflict (webhook_config_id) do nothing;
    alter table public.webhook_configurations disable trigger user;
    update public.webhook_configurations as c
    set secret_key = null, headers = null
    where c.secret_key is not null or c.headers is not null;
    get diagnostics _moved = row_count;
    alter table public.webhook_configurations enable trigger user;
    return _moved;
end $$;
comment on function webhooks.move_all_endpoint_secrets() is 'Moves secrets out of public.webhook_configurations that were there before the trigger, or loaded without it.';
revoke all on function webhooks.move_all_endpoint_secrets() from public, anon, authenticated, service_role;
