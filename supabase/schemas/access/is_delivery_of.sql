create or replace function webhooks.is_delivery_of(delivery_id uuid, endpoints uuid[])
returns boolean
language plpgsql
stable
-- definer: a user with the permission manage alone cannot read deliveries
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return cardinality(is_delivery_of.endpoints) > 0 and exists (
        select from public.webhook_deliveries as d
        where d.id = is_delivery_of.delivery_id and d.webhook_config_id = any (is_delivery_of.endpoints));
end $$;
comment on function webhooks.is_delivery_of(uuid, uuid[]) is 'Whether a delivery exists and is one of these endpoints''.';
revoke all on function webhooks.is_delivery_of(uuid, uuid[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.is_delivery_of(uuid, uuid[]) to authenticated, service_role;
