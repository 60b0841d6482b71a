-- Deliveries: one row for each event and endpoint. This is what callers insert into and what people search; what
-- changes with every attempt is in webhooks.delivery_queue. No index here holds a column that an attempt changes, so
-- that recording a result rewrites the row in its page (HOT) and touches no index.
create table if not exists public.webhook_deliveries (
    id uuid primary key default gen_random_uuid(),
    webhook_config_id uuid not null references public.webhook_configurations (id) on delete cascade,
    event_type text not null,
    payload jsonb not null,
    status text not null default 'pending',
    attempts integer not null default 0,
    last_attempt_at timestamptz,
    response_status integer,
    response_body text,
    error_message text,
    created_at timestamptz not null default now(),
    request_id uuid,
    next_attempt_at timestamptz not null default now(),
    finished_at timestamptz,
    traceparent text,
    actor_id text,
    tenant_id text,
    counted_attempts integer not null default 0,
    deferred_since timestamptz,
    erased_at timestamptz,
    constraint webhook_deliveries_status_check check (status in ('pending', 'processing', 'delivered', 'failed'))
-- leave room for a row's later versions in its page; a queue turns over fast: vacuum after 1 % of change, not 20 %
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);

create index if not exists idx_webhook_deliveries_newest on public.webhook_deliveries (created_at desc, id desc);
create index if not exists idx_webhook_deliveries_of_endpoint
    on public.webhook_deliveries (webhook_config_id, created_at desc, id desc);
create index if not exists idx_webhook_deliveries_of_tenant
    on public.webhook_deliveries (tenant_id, created_at desc, id desc) where tenant_id is not null;
create index if not exists idx_webhook_deliveries_request_id on public.webhook_deliveries (request_id);

comment on table public.webhook_deliveries is 'One row for each event and endpoint: pending, processing (leased by a worker), delivered or failed.';
comment on column public.webhook_deliveries.id is 'Sent as the webhook-id header, the same on every attempt.';
comment on column public.webhook_deliveries.webhook_config_id is 'The endpoint.';
comment on column public.webhook_deliveries.payload is 'The body that is sent, as compact JSON.';
comment on column public.webhook_deliveries.status is 'pending -> processing -> delivered, or back to pending for a retry, else failed. Set failed or delivered to pending to retry it.';
comment on column public.webhook_deliveries.attempts is 'Attempts recorded so far.';
comment on column public.webhook_deliveries.response_status is 'HTTP status of the last attempt.';
comment on column public.webhook_deliveries.response_body is 'The first 1,000 characters of the last response; for a queue, the broker''s acknowledgment.';
comment on column public.webhook_deliveries.error_message is 'Why the last attempt failed; empty once delivered.';
comment on column public.webhook_deliveries.request_id is 'The event: the same for every endpoint that receives it. What dispatch_webhook returned.';
comment on column public.webhook_deliveries.next_attempt_at is 'When a pending row is due.';
comment on column public.webhook_deliveries.finished_at is 'When the row became delivered or failed.';
comment on column public.webhook_deliveries.traceparent is 'The traceparent header of the request that dispatched the event; empty without one.';
comment on column public.webhook_deliveries.actor_id is 'Who caused the event, as in the JWT, including ids of third-party auth, which are not uuids.';
comment on column public.webhook_deliveries.tenant_id is 'The customer of the app that the event belongs to; empty: the app itself.';
comment on column public.webhook_deliveries.counted_attempts is 'Attempts that count against the limit: not a response that asked to wait, nor a problem of the worker''s setup.';
comment on column public.webhook_deliveries.deferred_since is 'When a response first asked to wait.';
comment on column public.webhook_deliveries.erased_at is 'When payload and response were erased for privacy.';

create or replace trigger complete_webhook_delivery
    before insert on public.webhook_deliveries
    for each row when (current_setting('webhooks.emitting', true) is distinct from 'on')
    execute function webhooks.complete_delivery();
create or replace trigger note_webhook_traceparent
    before insert on public.webhook_deliveries
    -- the condition costs less than a call: most deliveries are created outside of any trace
    for each row when (new.traceparent is null and current_setting('request.headers', true) ilike '%traceparent%')
    execute function webhooks.note_traceparent();
create or replace trigger queue_webhook_deliveries
    after insert on public.webhook_deliveries referencing new table as new_rows
    for each statement execute function webhooks.queue_deliveries();
create or replace trigger follow_webhook_delivery
    before update of status, next_attempt_at, created_at on public.webhook_deliveries
    -- for changes by a person or another program; recording results updates the queue itself
    for each row when (
        current_setting('webhooks.recording', true) is distinct from 'on' and (
            (new.status <> old.status and (new.status in ('delivered', 'failed') or old.status in ('delivered', 'failed')))
            or (new.status = 'pending' and old.status = 'pending' and new.next_attempt_at <> old.next_attempt_at)
            or new.created_at <> old.created_at))
    execute function webhooks.follow_delivery();
create or replace trigger forget_webhook_deliveries
    after delete on public.webhook_deliveries referencing old table as old_rows
    for each statement execute function webhooks.forget_deliveries();
create or replace trigger truncate_webhook_deliveries
    after truncate on public.webhook_deliveries
    for each statement execute function webhooks.forget_deliveries();

alter table public.webhook_deliveries enable row level security;
-- The condition on the time is true for admins and customers, and void for any other user, of whose query Postgres then
-- reads no row where it looks into an index by time. Each side of the "or" is a condition on an index. By endpoint: a tenant's event goes to the app's own
-- endpoints too, whose responses are not the tenant's.
create policy "Admins and customers can view webhook deliveries" on public.webhook_deliveries
    for select to authenticated using (
        created_at >= (select webhooks.if_reader('-infinity'::timestamp with time zone))
        and ((webhook_config_id >= (select webhooks.if_admin('00000000-0000-0000-0000-000000000000'::uuid))
                and webhook_config_id <= (select webhooks.if_admin('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)))
            or webhook_config_id = any (array(select webhooks.tenant_endpoints(array(select webhooks.tenants('read'::text)))))));
revoke all on public.webhook_deliveries from public, anon, authenticated, service_role;
grant select on public.webhook_deliveries to authenticated;
grant select, insert, update, delete on public.webhook_deliveries to service_role;
