create or replace function webhooks.live_secrets(endpoint uuid)
returns jsonb
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select jsonb_agg(s.secret_key order by s.replaced_at desc)
        from (
            select e.secret_key, 'infinity'::timestamptz as replaced_at
            from webhooks.endpoint_secrets as e
            where e.webhook_config_id = endpoint and e.secret_key is not null
            union all
            select p.secret_key, p.replaced_at
            from webhooks.previous_secrets as p
            where p.webhook_config_id = endpoint and p.expires_at > now()
        ) as s);
end $$;
comment on function webhooks.live_secrets(uuid) is 'The secrets that sign an endpoint''s deliveries now, newest first; null without one.';
revoke all on function webhooks.live_secrets(uuid) from public, anon, authenticated, service_role;
