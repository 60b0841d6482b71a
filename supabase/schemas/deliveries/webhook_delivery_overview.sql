-- For Supabase Studio: deliveries with what is worth knowing about each, in reading order.

create or replace view public.webhook_delivery_overview
-- the caller's row level security, not the owner's
with (security_invoker = true)
as
select d.created_at,
       d.event_type as event,
       c.name as endpoint,
       case
           when d.status <> 'pending' then d.status
           when c.deleted_at is not null then 'held: endpoint deleted'
           when not c.is_active then 'held: endpoint inactive'
           when h.state = 'open' then 'held: circuit open'
           when h.paused_until > now() then 'held: endpoint asked to wait'
           when d.attempts > 0 then 'retrying'
           else d.status
       end as status,
       d.attempts || ' of ' || coalesce(cardinality(c.retry_schedule) + 1, c.max_attempts) as attempts,
       case when d.status = 'pending' then d.next_attempt_at end as next_attempt_at,
       d.response_status,
       d.error_message,
       d.last_attempt_at,
       (select a.duration_ms from public.webhook_attempts as a
        where a.delivery_id = d.id and a.number = d.attempts
        order by a.started_at desc limit 1) as last_duration_ms,
       d.finished_at,
       d.payload -> 'data' as data,
       d.request_id,
       d.id as delivery_id,
       d.webhook_config_id
from public.webhook_deliveries as d
join public.webhook_configurations as c on c.id = d.webhook_config_id
left join public.webhook_circuits as h on h.webhook_config_id = c.id
order by d.created_at desc, d.id desc;
comment on view public.webhook_delivery_overview is 'Deliveries, newest first: event, endpoint, status and last response. Row level security applies.';
comment on column public.webhook_delivery_overview.event is 'The event type.';
comment on column public.webhook_delivery_overview.endpoint is 'The name of the endpoint.';
comment on column public.webhook_delivery_overview.status is 'pending, retrying, processing, delivered, failed, or held with the reason.';
comment on column public.webhook_delivery_overview.attempts is 'Attempts made, of those the endpoint allows.';
comment on column public.webhook_delivery_overview.next_attempt_at is 'When a pending row is due.';
comment on column public.webhook_delivery_overview.response_status is 'HTTP status of the last attempt.';
comment on column public.webhook_delivery_overview.error_message is 'Why the last attempt failed; empty once delivered.';
comment on column public.webhook_delivery_overview.last_duration_ms is 'How long the last attempt took, in milliseconds.';
comment on column public.webhook_delivery_overview.data is 'The event''s own data; the whole payload is in webhook_deliveries.';
comment on column public.webhook_delivery_overview.request_id is 'The event: the same for every endpoint that receives it.';
comment on column public.webhook_delivery_overview.delivery_id is 'The id of the row in webhook_deliveries.';
comment on column public.webhook_delivery_overview.webhook_config_id is 'The id of the endpoint.';
revoke all on public.webhook_delivery_overview from public, anon, authenticated, service_role;
grant select on public.webhook_delivery_overview to authenticated, service_role;
