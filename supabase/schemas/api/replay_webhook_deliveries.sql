create or replace function public.replay_webhook_deliveries(
    webhook_config_id uuid default null,
    created_from timestamptz default null,
    created_until timestamptz default null,
    event_type text default null,
    status text default 'failed',
    dry_run boolean default true,
    at_most integer default 1000,
    after_created_at timestamptz default null,
    after_id uuid default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => replay_webhook_deliveries.webhook_config_id);
    return webhooks.replay_webhook_deliveries(
        replay_webhook_deliveries.webhook_config_id,
        replay_webhook_deliveries.created_from,
        replay_webhook_deliveries.created_until,
        replay_webhook_deliveries.event_type,
        replay_webhook_deliveries.status,
        replay_webhook_deliveries.dry_run,
        replay_webhook_deliveries.at_most,
        replay_webhook_deliveries.after_created_at,
        replay_webhook_deliveries.after_id);
end $$;
comment on function public.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) is 'Makes failed (or delivered) deliveries due again, oldest first. By default it only counts: {"matching"}. With dry_run false it takes at_most of them; continue with "next" and the same created_until until "next" is null.';
revoke all on function public.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) from public, anon, authenticated, service_role;
grant execute on function public.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) to authenticated, service_role;
