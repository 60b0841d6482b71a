create or replace function webhooks.waiting_for(endpoint uuid, at_most integer)
returns bigint
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select count(*)
    from (
        select from webhooks.delivery_queue as q where q.webhook_config_id = endpoint and q.ready
        union all
        select from webhooks.delivery_queue as q where q.webhook_config_id = endpoint and not q.ready and q.lease_id is null
        limit at_most
    ) as bounded
$$;
comment on function webhooks.waiting_for(uuid, integer) is 'How many of an endpoint''s deliveries are pending, counted up to at_most.';
revoke all on function webhooks.waiting_for(uuid, integer) from public, anon, authenticated, service_role;
