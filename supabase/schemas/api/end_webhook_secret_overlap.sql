create or replace function public.end_webhook_secret_overlap(webhook_config_id uuid)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => end_webhook_secret_overlap.webhook_config_id);
    return webhooks.end_webhook_secret_overlap(end_webhook_secret_overlap.webhook_config_id);
end $$;
comment on function public.end_webhook_secret_overlap(uuid) is 'Ends the overlap of a rotation: from now on only the new secret signs, also in X-Webhook-Signature.';
revoke all on function public.end_webhook_secret_overlap(uuid) from public, anon, authenticated, service_role;
grant execute on function public.end_webhook_secret_overlap(uuid) to authenticated, service_role;
