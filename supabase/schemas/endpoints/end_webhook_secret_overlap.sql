create or replace function webhooks.end_webhook_secret_overlap(webhook_config_id uuid)
returns jsonb
language plpgsql
-- definer: behind public.end_webhook_secret_overlap, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _ended integer;
begin
    if not exists (select from public.webhook_configurations as c where c.id = end_webhook_secret_overlap.webhook_config_id) then
        raise exception 'webhook endpoint % does not exist', end_webhook_secret_overlap.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;
    delete from webhooks.previous_secrets as p where p.webhook_config_id = end_webhook_secret_overlap.webhook_config_id;
    get diagnostics _ended = row_count;
    perform webhooks.log_action('end_secret_overlap', end_webhook_secret_overlap.webhook_config_id, null,
        jsonb_build_object('ended', _ended));
    return jsonb_build_object('id', end_webhook_secret_overlap.webhook_config_id, 'ended', _ended);
end $$;
comment on function webhooks.end_webhook_secret_overlap(uuid) is 'Behind public.end_webhook_secret_overlap.';
revoke all on function webhooks.end_webhook_secret_overlap(uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.end_webhook_secret_overlap(uuid) to authenticated, service_role;
