create or replace function webhooks.emit_endpoint_events(alert_ids uuid[], moment text)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id, tenant_id)
    select c.id, e.event, webhooks.payload(e.event, e.data, null, e.request_id), e.request_id, e.tenant_id
    from (
        select s.*, 'webhooks.' || case when moment = 'started' then s.kind else 'endpoint_recovered' end as event,
               gen_random_uuid() as request_id
        from (
            -- one that was failing and is disabled now ends both at once: it has recovered once
            select distinct on (o.id, case when moment = 'started' then a.kind end)
                   a.kind, o.tenant_id, jsonb_build_object(
                       'tenant_id', o.tenant_id, 'webhook_config_id', o.id, 'name', o.name, 'url', o.url,
                       'since', a.started_at, 'reason', a.summary) as data
            from public.webhook_alerts as a
            join public.webhook_configurations as o on o.id = a.webhook_config_id
            where a.id = any (alert_ids) and a.kind in ('endpoint_failing', 'endpoint_disabled') and o.tenant_id is not null
              -- not one that its owner paused or deleted meanwhile
              and (moment = 'started' or o.is_active)
            order by o.id, case when moment = 'started' then a.kind end, a.started_at
        ) as s
    ) as e
    join public.webhook_configurations as c
        -- subscribed by name, as to webhook.alert
        on c.is_active and c.tenant_id is null and c.events && array[e.event, 'webhooks.*']
    order by c.id
    -- waits for an endpoint's deletion, and then leaves that one out
    for key share of c
$$;
comment on function webhooks.emit_endpoint_events(uuid[], text) is 'Sends webhooks.endpoint_failing, _disabled and _recovered to the app''s own endpoints that subscribe to them: what it tells a tenant''s owner.';
revoke all on function webhooks.emit_endpoint_events(uuid[], text) from public, anon, authenticated, service_role;
