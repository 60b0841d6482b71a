create or replace function webhooks.check_access(
    permission text,
    tenant_id text default null,
    webhook_config_id uuid default null,
    delivery_id uuid default null
)
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _tenants text[];
    _endpoints uuid[];
begin
    if webhooks.is_server() then
        return;
    end if;
    if current_user = 'authenticated' then
        if webhooks.is_admin() or (check_access.permission = 'read' and webhooks.is_viewer(false)) then
            return;
        end if;
        _tenants := array(select webhooks.tenants(check_access.permission));
    end if;
    if coalesce(cardinality(_tenants), 0) = 0 then
        perform webhooks.check_admin();
    end if;
    if check_access.tenant_id is not null then
        if check_access.tenant_id = any (_tenants) then
            return;
        end if;
        raise exception 'you have no access to the tenant "%"', check_access.tenant_id
            using errcode = '42501', hint = 'public.webhook_tenants decides who has.';
    end if;
    if check_access.delivery_id is null and check_access.webhook_config_id is null then
        raise exception 'only webhook admins can do this for all tenants'
            using errcode = '42501', hint = 'Name your tenant, one of its endpoints, or one of its deliveries.';
    end if;
    _endpoints := array(select webhooks.tenant_endpoints(_tenants));
    -- the same for what does not exist as for what belongs to others
    if check_access.delivery_id is not null then
        if not webhooks.is_delivery_of(check_access.delivery_id, _endpoints) then
            raise exception 'webhook delivery % does not exist', check_access.delivery_id
                using errcode = 'PT404', hint = 'It may have been deleted with its endpoint, or by retention.';
        end if;
    elsif check_access.webhook_config_id <> all (_endpoints) then
        raise exception 'webhook endpoint % does not exist', check_access.webhook_config_id
            using errcode = 'PT404', hint = 'list_webhook_endpoints returns those that do.';
    end if;
end $$;
comment on function webhooks.check_access(text, text, uuid, uuid) is 'Raises an error unless the caller is a server, an admin, a viewer who reads, or a user with the permission (read, manage) for the tenant, the endpoint''s or the delivery''s. Without any of these three: for the first three alone.';
revoke all on function webhooks.check_access(text, text, uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.check_access(text, text, uuid, uuid) to authenticated, service_role;
