create or replace function webhooks.log_action(
    action text,
    webhook_config_id uuid default null,
    delivery_id uuid default null,
    details jsonb default '{}'
)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    insert into public.webhook_admin_actions (actor_id, actor, action, webhook_config_id, delivery_id, details, tenant_id)
    values (webhooks.user_sub(), webhooks.actor(), log_action.action,
            log_action.webhook_config_id, log_action.delivery_id, log_action.details,
            (select c.tenant_id from public.webhook_configurations as c where c.id = log_action.webhook_config_id))
$$;
comment on function webhooks.log_action(text, uuid, uuid, jsonb) is 'Writes one row of public.webhook_admin_actions.';
revoke all on function webhooks.log_action(text, uuid, uuid, jsonb) from public, anon, authenticated, service_role;
