create or replace function webhooks.new_circuit()
returns trigger
language plpgsql
-- definer: circuits are written by the system alone
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.webhook_circuits (webhook_config_id) values (new.id) on conflict do nothing;
    -- a worker that listens checks the URL at once
    perform pg_notify('webhook_deliveries', '');
    return null;
end $$;
comment on function webhooks.new_circuit() is 'Gives a new endpoint a closed circuit, and has its URL checked.';
revoke all on function webhooks.new_circuit() from public, anon, authenticated, service_role;
