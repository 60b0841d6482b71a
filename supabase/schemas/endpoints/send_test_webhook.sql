create or replace function webhooks.send_test_webhook(webhook_config_id uuid, event_type text default null)
returns jsonb
language plpgsql
-- definer: behind public.send_test_webhook, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _endpoint public.webhook_configurations;
    _delivery public.webhook_deliveries;
    _event text := coalesce(send_test_webhook.event_type, 'webhook.test');
    _data jsonb;
    _request_id uuid := gen_random_uuid();
begin
    select c.* into _endpoint
    from public.webhook_configurations as c
    where c.id = send_test_webhook.webhook_config_id;
    if not found then
        raise exception 'webhook endpoint % does not exist', send_test_webhook.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;
    if _endpoint.deleted_at is not null then
        raise exception 'webhook endpoint "%" was deleted', _endpoint.name
            using errcode = '22023', hint = 'Its history can be read. To deliver there again, create an endpoint and dispatch the event.';
    end if;
    if not _endpoint.is_active then
        raise exception 'webhook endpoint "%" is inactive', _endpoint.name
            using errcode = '22023', hint = 'Set is_active to true, then test it.';
    end if;
    if _event = 'webhook.test' then
        _data := jsonb_build_object('message', 'This is a test delivery.');
    else
        select t.example into _data from public.webhook_event_types as t
        where t.name = _event and (_endpoint.tenant_id is null or t.audience = 'customers');
        if _data is null then
            raise exception 'event "%" has no example to send', _event
                using errcode = '22023', hint = 'Send one of the catalog, public.webhook_event_types, or webhook.test.';
        end if;
    end if;
    -- as many as events: a customer floods neither the queue nor a third party
    if webhooks.is_customer() then
        perform webhooks.spend_allowance(webhooks.user_sub());
    end if;
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id, tenant_id)
    values (_endpoint.id, _event, webhooks.payload(_event, _data, null, _request_id), _request_id, _endpoint.tenant_id)
    returning * into _delivery;
    perform webhooks.log_action('send_test', _endpoint.id, _delivery.id, case
        when _event = 'webhook.test' then '{}' else jsonb_build_object('event_type', _event) end);
    return jsonb_build_object('delivery_id', _delivery.id, 'request_id', _request_id);
end $$;
comment on function webhooks.send_test_webhook(uuid, text) is 'Behind public.send_test_webhook.';
revoke all on function webhooks.send_test_webhook(uuid, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.send_test_webhook(uuid, text) to authenticated, service_role;
