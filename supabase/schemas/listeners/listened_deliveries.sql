create or replace function webhooks.listened_deliveries()
returns uuid[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select array(
        select d.id
        from webhooks.listeners as l
        join public.webhook_deliveries as d on d.webhook_config_id = l.webhook_config_id)
$$;
comment on function webhooks.listened_deliveries() is 'The deliveries to listeners: no report counts them.';
revoke all on function webhooks.listened_deliveries() from public, anon, authenticated, service_role;
