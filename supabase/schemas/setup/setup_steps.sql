-- The steps of the setup that the database knows of; webhooks/steps.py says what each is.
create or replace function webhooks.setup_steps()
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_build_object(
        'cron', exists (select from public.webhook_dispatcher_runs),
        'endpoint', exists (
            select from public.webhook_configurations as c
            where c.id not in (select l.webhook_config_id from webhooks.listeners as l)),
        -- of the newest thousand, so that this costs little however long history is: that many were not sent without a setup
        'event', (
            select count(*) = 1000 or coalesce(bool_or(d.status = 'delivered'), false)
            from (
                select n.status
                from public.webhook_deliveries as n
                where n.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
                order by n.created_at desc, n.id desc
                limit 1000
            ) as d))
$$;
comment on function webhooks.setup_steps() is 'Which steps of the setup are done: the cron has called, there is an endpoint, an event was delivered.';
revoke all on function webhooks.setup_steps() from public, anon, authenticated, service_role;
