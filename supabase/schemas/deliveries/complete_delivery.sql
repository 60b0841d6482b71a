create or replace function webhooks.complete_delivery()
returns trigger
language plpgsql
-- definer: callers that insert a delivery need no privilege on the helpers
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_payload_size(new.payload);
    new.request_id := coalesce(new.request_id, webhooks.uuid_or_null(new.payload ->> 'request_id'), gen_random_uuid());
    new.actor_id := coalesce(new.actor_id, new.payload ->> 'actor_user_id');
    -- a delivery to a tenant's endpoint is the tenant's
    new.tenant_id := coalesce(new.tenant_id, (
        select c.tenant_id from public.webhook_configurations as c where c.id = new.webhook_config_id));
    if new.status = 'failed' then
        insert into webhooks.failed_deliveries (delivery_id, webhook_config_id, created_at)
        values (new.id, new.webhook_config_id, new.created_at)
        on conflict (delivery_id) do nothing;
    end if;
    if new.status in ('delivered', 'failed') then
        new.finished_at := coalesce(new.finished_at, now());
    end if;
    return new;
end $$;
comment on function webhooks.complete_delivery() is 'Completes a row that an edge function inserted with only endpoint, event type and payload.';
revoke all on function webhooks.complete_delivery() from public, anon, authenticated, service_role;
