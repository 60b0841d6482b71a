create or replace function public.rotate_webhook_secret(
    webhook_config_id uuid,
    overlap interval default '24 hours'
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => rotate_webhook_secret.webhook_config_id);
    return webhooks.rotate_webhook_secret(rotate_webhook_secret.webhook_config_id, rotate_webhook_secret.overlap);
end $$;
comment on function public.rotate_webhook_secret(uuid, interval) is 'Gives an endpoint a new secret and returns it, once. Until the overlap ends, both sign; with an overlap of 0, the old ones end immediately.';
revoke all on function public.rotate_webhook_secret(uuid, interval) from public, anon, authenticated, service_role;
grant execute on function public.rotate_webhook_secret(uuid, interval) to authenticated, service_role;
