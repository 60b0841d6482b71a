create or replace function webhooks.is_ours(relation regclass)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_class as c
        where c.oid in (is_ours.relation, pg_partition_root(is_ours.relation))
          and (c.relnamespace = 'webhooks'::regnamespace
               or (c.relnamespace = 'public'::regnamespace and c.relname in (
                   'webhook_configurations', 'webhook_deliveries', 'webhook_attempts', 'webhook_circuits', 'webhook_traceparents',
                   'webhook_event_types', 'webhook_triggers', 'webhook_trigger_errors', 'webhook_dispatcher_runs',
                   'webhook_alerts', 'webhook_alert_notices', 'webhook_admin_actions', 'webhook_tenant_limits'))))
$$;
comment on function webhooks.is_ours(regclass) is 'Whether a table is this system''s own.';
revoke all on function webhooks.is_ours(regclass) from public, anon, authenticated, service_role;
