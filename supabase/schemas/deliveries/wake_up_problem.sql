create or replace function webhooks.wake_up_problem()
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    _there boolean;
begin
    if to_regclass('net.http_request_queue') is null then
        return 'pg_net is not enabled: enable it under Database > Extensions';
    end if;
    if to_regclass('vault.decrypted_secrets') is null then
        return 'Vault is not enabled: enable supabase_vault under Database > Extensions';
    end if;
    execute 'select exists (select from vault.decrypted_secrets as s where s.name = $1)'
    into _there
    using 'webhooks_dispatch_token';
    if not _there then
        return 'Vault has no secret webhooks_dispatch_token: select vault.create_secret(''<WEBHOOKS_DISPATCH_TOKEN>'', ''webhooks_dispatch_token'')';
    end if;
    return null;
end $$;
comment on function webhooks.wake_up_problem() is 'What prevents the database from waking a gateway through pg_net, and how to fix it; null: nothing.';
revoke all on function webhooks.wake_up_problem() from public, anon, authenticated, service_role;
