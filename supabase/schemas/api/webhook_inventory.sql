create or replace function public.webhook_inventory()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_inventory();
end $$;
comment on function public.webhook_inventory() is 'Each table, column, constraint, index, trigger, policy, function and grant of ours with a fingerprint: {"kind": {"name": "fingerprint"}}, for `webhooks doctor` to compare with its own version.';
revoke all on function public.webhook_inventory() from public, anon, authenticated, service_role;
grant execute on function public.webhook_inventory() to service_role;
