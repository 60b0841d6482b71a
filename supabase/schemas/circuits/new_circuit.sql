create or replace function webhooks.new_circuit()
returns trigger
language plpgsql
-- definer: circuits are written by the system alone
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.webhook_circuits (webhook_config_id) values (new.id) on conflict do nothing;
    return null;
end $$;
comment on function webhooks.new_circuit() is 'Gives a new endpoint a closed circuit.';
revoke all on function webhooks.new_circuit() from public, anon, authenticated, service_role;
