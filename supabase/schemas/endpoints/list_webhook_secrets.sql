create or replace function webhooks.list_webhook_secrets()
returns jsonb
language sql
stable
-- definer: behind public.list_webhook_secrets, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    -- one value, whatever their number: the REST API would cut off rows after its max rows
    select coalesce(jsonb_agg(jsonb_build_object('webhook_config_id', s.webhook_config_id, 'secret_key', s.secret_key)), '[]')
    from (
        select e.webhook_config_id, e.secret_key from webhooks.endpoint_secrets as e where e.secret_key is not null
        union all
        select p.webhook_config_id, p.secret_key from webhooks.previous_secrets as p
    ) as s
$$;
comment on function webhooks.list_webhook_secrets() is 'Behind public.list_webhook_secrets.';
revoke all on function webhooks.list_webhook_secrets() from public, anon, authenticated, service_role;
grant execute on function webhooks.list_webhook_secrets() to service_role;
