create or replace function webhooks.under_way(endpoint uuid, since timestamptz, at_most integer)
returns integer
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select count(*)::integer
    from (
        select
        from webhooks.delivery_queue as q
        where q.webhook_config_id = endpoint and q.lease_id is not null and q.leased_at >= since
        limit at_most
    ) as bounded
$$;
comment on function webhooks.under_way(uuid, timestamptz, integer) is 'How many of an endpoint''s deliveries were claimed since a time and have no result yet, counted up to at_most.';
revoke all on function webhooks.under_way(uuid, timestamptz, integer) from public, anon, authenticated, service_role;
