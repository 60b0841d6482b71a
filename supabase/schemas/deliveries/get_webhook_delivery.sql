create or replace function webhooks.get_webhook_delivery(delivery_id uuid)
returns jsonb
language plpgsql
stable
-- definer: behind public.get_webhook_delivery, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _delivery public.webhook_deliveries;
    _lease webhooks.delivery_queue;
    _attempts jsonb;
    _timeline jsonb;
    _waits jsonb;
    -- customers learn no names of the app's staff and hosts
    _customer boolean := webhooks.is_customer();
    _hidden boolean := webhooks.hides_payloads();
begin
    select d.* into _delivery from public.webhook_deliveries as d where d.id = get_webhook_delivery.delivery_id;
    if not found then
        raise exception 'webhook delivery % does not exist', get_webhook_delivery.delivery_id
            using errcode = 'PT404', hint = 'It may have been deleted with its endpoint, or by retention.';
    end if;

    select q.* into _lease from webhooks.delivery_queue as q where q.delivery_id = _delivery.id and q.lease_id is not null;

    select webhooks.why_waiting(_delivery.status, _delivery.next_attempt_at, c, h) into _waits
    from public.webhook_configurations as c
    left join public.webhook_circuits as h on h.webhook_config_id = c.id
    where c.id = _delivery.webhook_config_id;

    select coalesce(jsonb_agg(to_jsonb(a) - 'delivery_id' - case when _hidden then '{response_excerpt,response_headers}' else '{}' end::text[] order by a.number), '[]') into _attempts
    from public.webhook_attempts as a
    where a.delivery_id = _delivery.id;

    select jsonb_agg(jsonb_build_object('at', t.at, 'kind', t.kind, 'text', t.text) order by t.at, t.place)
    into _timeline
    from (
        select _delivery.created_at as at, 0 as place, 'created' as kind, 'Dispatched as ' || _delivery.event_type as text
        union all
        select a.started_at, a.number * 2, 'attempt', 'Attempt ' || a.number || ' started'
        from public.webhook_attempts as a
        where a.delivery_id = _delivery.id
        union all
        select a.started_at + make_interval(secs => a.duration_ms / 1000.0), a.number * 2 + 1,
               case when a.delivered then 'delivered' else 'refused' end,
               'Attempt ' || a.number || case when a.delivered then ' delivered' else ' failed' end
               || coalesce(', HTTP ' || a.response_status, '') || ', after ' || a.duration_ms || ' ms'
        from public.webhook_attempts as a
        where a.delivery_id = _delivery.id
        union all
        select s.acted_at, 0, 'action', case s.action when 'retry' then 'Retried' else s.action end || case when _customer then '' else ' by ' || s.actor end
        from public.webhook_admin_actions as s
        where s.delivery_id = _delivery.id
        union all
        select coalesce(_lease.leased_at, now()), 900, 'leased', 'Claimed by a worker' || coalesce(', ' || case when not _customer then _lease.leased_by end, '')
        where _delivery.status = 'processing'
        union all
        select coalesce((_waits ->> 'until')::timestamptz, _delivery.next_attempt_at), 901, 'due',
               case
                   when _waits ->> 'reason' = 'the next attempt' then 'Next attempt is due'
                   when _waits ->> 'until' is not null then 'Next attempt at the earliest: ' || (_waits ->> 'reason')
                   when _waits ->> 'reason' like 'a %' then 'Next attempt is due; waiting for ' || (_waits ->> 'reason')
                   else 'Next attempt is due; waiting: ' || (_waits ->> 'reason')
               end
        where _delivery.status = 'pending'
        union all
        select _delivery.finished_at, 902, _delivery.status,
               case
                   when _delivery.status = 'delivered' then 'Delivered'
                   when _delivery.error_message like 'skipped by %' then 'Skipped by ' || substr(_delivery.error_message, 12)
                   else 'Failed permanently'
               end
        where _delivery.finished_at is not null
    ) as t;

    return jsonb_build_object(
        'id', _delivery.id, 'event_type', _delivery.event_type, 'status', _delivery.status,
        'attempts', _delivery.attempts, 'request_id', coalesce(_delivery.request_id, webhooks.uuid_or_null(_delivery.payload ->> 'request_id')), 'created_at', _delivery.created_at,
        'next_attempt_at', _delivery.next_attempt_at, 'last_attempt_at', _delivery.last_attempt_at,
        'finished_at', _delivery.finished_at, 'lease_expires_at', _lease.due_at,
        'leased_by', case when not _customer then _lease.leased_by end, 'response_status', _delivery.response_status,
        'response_body', case when not _hidden then _delivery.response_body end, 'error_message', _delivery.error_message,
        -- as text: a number with many digits must reach the page as it is sent, and parsers have a depth limit
        'body', case when not _hidden then _delivery.payload::text end,
        -- of old rows, which may be nested thousands of levels deep, the indentation would take megabytes
        'pretty_body', case
            when _hidden then null
            when _delivery.payload @? '$.**{101}' then _delivery.payload::text
            else jsonb_pretty(_delivery.payload)
        end,
        'endpoint', (
            select jsonb_build_object('id', c.id, 'name', c.name, 'url', c.url, 'is_active', c.is_active,
                                      'deleted_at', c.deleted_at,
                                      'max_attempts', coalesce(cardinality(c.retry_schedule) + 1, c.max_attempts))
            from public.webhook_configurations as c
            where c.id = _delivery.webhook_config_id),
        'waits_for', _waits,
        'attempt_log', _attempts,
        'timeline', _timeline);
end $$;
comment on function webhooks.get_webhook_delivery(uuid) is 'Behind public.get_webhook_delivery.';
revoke all on function webhooks.get_webhook_delivery(uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.get_webhook_delivery(uuid) to authenticated, service_role;
