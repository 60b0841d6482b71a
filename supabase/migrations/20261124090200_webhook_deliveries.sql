-- Deliveries (one row an event and endpoint), their attempts, and the dispatcher's runs. On top of the first
-- generation every row stays; what was pending becomes due at once.

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
    created_at timestamptz not null default now()
);
alter table public.webhook_deliveries
    add column if not exists request_id uuid,
    add column if not exists next_attempt_at timestamptz not null default now(),
    add column if not exists lease_id uuid,
    add column if not exists lease_expires_at timestamptz,
    add column if not exists leased_by text,
    add column if not exists finished_at timestamptz;

create or replace function webhooks.uuid_or_null(value text)
returns uuid
language sql
immutable
set search_path = ''
as $$
    select case
        when value ~ '^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$' then value::uuid
    end
$$;
revoke all on function webhooks.uuid_or_null(text) from public, anon, authenticated;

update public.webhook_deliveries
set request_id = webhooks.uuid_or_null(payload ->> 'request_id')
where request_id is null;
-- the first generation never finished what a crash left in processing: an expired lease is taken back
update public.webhook_deliveries
set lease_expires_at = now()
where status = 'processing' and lease_expires_at is null;

-- not valid: rows of the past stay as they are, new writes are held to it
alter table public.webhook_deliveries
    add constraint webhook_deliveries_status_check
    check (status in ('pending', 'processing', 'delivered', 'failed')) not valid;
alter table public.webhook_deliveries
    add constraint webhook_deliveries_lease_check
    check ((status = 'processing') = (lease_expires_at is not null)) not valid;

-- Due rows of one endpoint, oldest first: the claim's index. It holds unfinished rows only, so that millions of
-- finished ones cost nothing.
create index if not exists idx_webhook_deliveries_due
    on public.webhook_deliveries (webhook_config_id, next_attempt_at) where status = 'pending';
create index if not exists idx_webhook_deliveries_leased
    on public.webhook_deliveries (lease_expires_at) where status = 'processing';
create index if not exists idx_webhook_deliveries_config_id on public.webhook_deliveries (webhook_config_id);
create index if not exists idx_webhook_deliveries_created_at on public.webhook_deliveries (created_at desc);
create index if not exists idx_webhook_deliveries_request_id on public.webhook_deliveries (request_id);
-- replaced by the two partial ones: it made every status change touch an index over all of history
-- squawk-ignore require-concurrent-index-deletion
drop index if exists public.idx_webhook_deliveries_status;

-- A queue's table turns over fast: vacuum after 1 % of change, not 20 %, and leave room for updates in place.
alter table public.webhook_deliveries set (
    fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02
);

comment on table public.webhook_deliveries is 'One row for each event and endpoint: pending, processing (leased by a worker), delivered or failed.';
comment on column public.webhook_deliveries.id is 'Sent as the webhook-id header, the same on every attempt.';
comment on column public.webhook_deliveries.webhook_config_id is 'The endpoint.';
comment on column public.webhook_deliveries.payload is 'The body that is sent, as compact JSON.';
comment on column public.webhook_deliveries.status is 'pending -> processing -> delivered, or back to pending for a retry, else failed.';
comment on column public.webhook_deliveries.attempts is 'Attempts made and recorded so far.';
comment on column public.webhook_deliveries.request_id is 'The event: the same for every endpoint that gets it. What dispatch_webhook returned.';
comment on column public.webhook_deliveries.next_attempt_at is 'When a pending row is due.';
comment on column public.webhook_deliveries.lease_id is 'The claim that holds a processing row.';
comment on column public.webhook_deliveries.lease_expires_at is 'When a processing row is taken back, should its worker never record a result.';
comment on column public.webhook_deliveries.leased_by is 'The worker that last claimed the row.';
comment on column public.webhook_deliveries.response_status is 'HTTP status of the last attempt.';
comment on column public.webhook_deliveries.response_body is 'The last response, its first 1,000 characters.';
comment on column public.webhook_deliveries.error_message is 'Why the last attempt failed; empty once delivered.';
comment on column public.webhook_deliveries.finished_at is 'When the row became delivered or failed.';

create or replace function webhooks.check_payload_size(payload jsonb)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
    if octet_length(payload::text) > 262144 then
        raise exception 'the webhook payload has % bytes; at most 262144 (256 KB) are allowed', octet_length(payload::text)
            using errcode = '22023', hint = 'Send an id or a link in event_data and let the receiver fetch the rest.';
    end if;
end $$;
revoke all on function webhooks.check_payload_size(jsonb) from public, anon, authenticated;

create or replace function webhooks.complete_delivery()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform webhooks.check_payload_size(new.payload);
    new.request_id := coalesce(new.request_id, webhooks.uuid_or_null(new.payload ->> 'request_id'), gen_random_uuid());
    return new;
end $$;
comment on function webhooks.complete_delivery() is 'Makes a row complete that an edge function inserted with only endpoint, event type and payload.';
revoke all on function webhooks.complete_delivery() from public, anon, authenticated;
drop trigger if exists complete_webhook_delivery on public.webhook_deliveries;
create trigger complete_webhook_delivery
    before insert on public.webhook_deliveries
    for each row execute function webhooks.complete_delivery();
-- the trigger's helpers run as whoever inserts
grant usage on schema webhooks to service_role;
grant execute on function webhooks.check_payload_size(jsonb), webhooks.uuid_or_null(text), webhooks.url_problem(text)
    to service_role;

alter table public.webhook_deliveries enable row level security;
drop policy if exists "Admins can view webhook deliveries" on public.webhook_deliveries;
create policy "Admins can view webhook deliveries" on public.webhook_deliveries
    for select to authenticated using ((select public.is_webhook_admin()));
revoke all on public.webhook_deliveries from public, anon, authenticated;
grant select on public.webhook_deliveries to authenticated;
grant select, insert, update, delete on public.webhook_deliveries to service_role;

create table if not exists public.webhook_attempts (
    delivery_id uuid not null references public.webhook_deliveries (id) on delete cascade,
    number integer not null check (number > 0),
    started_at timestamptz not null,
    duration_ms integer not null check (duration_ms >= 0),
    delivered boolean not null,
    response_status integer,
    response_excerpt text,
    error text,
    primary key (delivery_id, number)
);
comment on table public.webhook_attempts is 'The attempt log: one row for each attempt at a delivery.';
comment on column public.webhook_attempts.number is '1 for the first attempt.';
comment on column public.webhook_attempts.duration_ms is 'From connecting to the last byte of the response, in milliseconds.';
comment on column public.webhook_attempts.response_excerpt is 'The response''s first 1,000 characters.';
comment on column public.webhook_attempts.error is 'Why the attempt failed; empty when it delivered.';

alter table public.webhook_attempts enable row level security;
drop policy if exists "Admins can view webhook attempts" on public.webhook_attempts;
create policy "Admins can view webhook attempts" on public.webhook_attempts
    for select to authenticated using ((select public.is_webhook_admin()));
revoke all on public.webhook_attempts from public, anon, authenticated;
grant select on public.webhook_attempts to authenticated;
grant select, insert, update, delete on public.webhook_attempts to service_role;

create table if not exists public.webhook_dispatcher_runs (
    id uuid primary key default gen_random_uuid(),
    source text not null,
    due integer not null default 0,
    enqueued integer,
    error text,
    started_at timestamptz not null default now(),
    finished_at timestamptz
);
create index if not exists idx_webhook_dispatcher_runs_started_at
    on public.webhook_dispatcher_runs (started_at desc);
comment on table public.webhook_dispatcher_runs is 'The cron''s heartbeat: one row for each call of webhook-dispatcher.';
comment on column public.webhook_dispatcher_runs.source is 'Who called, from its User-Agent.';
comment on column public.webhook_dispatcher_runs.due is 'Deliveries that were due.';
comment on column public.webhook_dispatcher_runs.enqueued is 'Jobs given to the workers; each drains many deliveries.';
comment on column public.webhook_dispatcher_runs.error is 'What went wrong, for example that Redis was away.';

alter table public.webhook_dispatcher_runs enable row level security;
drop policy if exists "Admins can view webhook dispatcher runs" on public.webhook_dispatcher_runs;
create policy "Admins can view webhook dispatcher runs" on public.webhook_dispatcher_runs
    for select to authenticated using ((select public.is_webhook_admin()));
revoke all on public.webhook_dispatcher_runs from public, anon, authenticated;
grant select on public.webhook_dispatcher_runs to authenticated;
grant select, insert, update, delete on public.webhook_dispatcher_runs to service_role;
