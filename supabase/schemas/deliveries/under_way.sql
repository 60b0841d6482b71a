create or replace function webhooks.under_way(endpoint uuid, since timestamptz, at_most integer)
returns integer
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select count(*)
        from (
            select
            from webhooks.delivery_queue as q
            where q.webhook_config_id = endpoint and q.lease_id is not null and q.leased_at >= since
            limit at_most
        ) as bounded);
end $$;
comment on function webhooks.under_way(uuid, timestamptz, integer) is 'How many of an endpoint''s deliveries were claimed since a time and have no result yet, counted up to at_most.';
revoke all on function webhooks.under_way(uuid, timestamptz, integer) from public, anon, authenticated, service_role;
