create or replace function webhooks.expire_deliveries(ids uuid[])
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    -- its trigger takes them out of the queue
    update public.webhook_deliveries as d
    set status = 'failed', finished_at = now(),
        error_message = 'expired: it is older than ' || c.expires_after || ', the endpoint''s expires_after'
            || coalesce('. Last attempt: ' || d.error_message, '')
    from public.webhook_configurations as c
    where d.id = any (ids) and c.id = d.webhook_config_id and d.status in ('pending', 'processing')
$$;
comment on function webhooks.expire_deliveries(uuid[]) is 'Fails deliveries that are older than their endpoint''s expires_after.';
revoke all on function webhooks.expire_deliveries(uuid[]) from public, anon, authenticated, service_role;
