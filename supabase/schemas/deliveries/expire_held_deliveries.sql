create or replace function webhooks.expire_held_deliveries(batch_size integer)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _expired uuid[];
begin
    _expired := array(
        select q.delivery_id
        from public.webhook_configurations as c
        cross join lateral (
            select q.delivery_id, q.created_at
            from webhooks.delivery_queue as q
            where q.webhook_config_id = c.id and q.lease_id is null and q.created_at <= now() - c.expires_after
            limit batch_size
            for update skip locked
        ) as q
        where c.expires_after is not null
        limit batch_size);
    perform webhooks.expire_deliveries(_expired);
    return cardinality(_expired);
end $$;
comment on function webhooks.expire_held_deliveries(integer) is 'Fails held deliveries that no claim reaches: those of endpoints that are inactive, paused or behind an open circuit.';
revoke all on function webhooks.expire_held_deliveries(integer) from public, anon, authenticated, service_role;
