-- The attempt log. No foreign key: a trigger deletes the attempts of a deleted delivery, which costs nothing when an
-- attempt is recorded, and works where deliveries lie in partitions.
create table if not exists public.webhook_attempts (
    delivery_id uuid not null,
    number integer not null check (number > 0),
    started_at timestamptz not null,
    duration_ms integer not null check (duration_ms >= 0),
    delivered boolean not null,
    response_status integer,
    response_headers jsonb,
    response_excerpt text,
    error text,
    counted boolean not null default true,
    primary key (delivery_id, number)
);
-- latencies of the last hour, whatever the log holds; a new row comes last, which costs next to nothing
create index if not exists idx_webhook_attempts_started_at on public.webhook_attempts (started_at);

comment on table public.webhook_attempts is 'The attempt log: one row for each attempt at a delivery.';
comment on column public.webhook_attempts.delivery_id is 'The delivery.';
comment on column public.webhook_attempts.delivered is 'Whether the receiver accepted the delivery.';
comment on column public.webhook_attempts.response_status is 'HTTP status of the response; empty without one.';
comment on column public.webhook_attempts.number is '1 for the first attempt.';
comment on column public.webhook_attempts.duration_ms is 'From connecting to the last byte of the response, in milliseconds.';
comment on column public.webhook_attempts.response_headers is 'The response''s first headers, at most 4 KB of them; values that may be secret are "hidden".';
comment on column public.webhook_attempts.response_excerpt is 'The response''s first 1,000 characters; for a queue, the broker''s acknowledgment: the message id, or partition and offset.';
comment on column public.webhook_attempts.error is 'Why the attempt failed; empty when it delivered.';
comment on column public.webhook_attempts.counted is 'Whether it counts against the limit: not a response that asked to wait, nor a problem of the worker''s setup.';

alter table public.webhook_attempts enable row level security;
-- A range, as of the deliveries; within it, asked for each row: a query that names its delivery, as it should, reads few.
create policy "Admins and customers can view webhook attempts" on public.webhook_attempts
    for select to authenticated using (
        started_at >= (select webhooks.if_reader('-infinity'::timestamp with time zone))
        and started_at <= (select webhooks.if_reader('infinity'::timestamp with time zone))
        and ((select webhooks.is_admin())
            or webhooks.is_delivery_of(
                delivery_id, array(select webhooks.tenant_endpoints(array(select webhooks.tenants('read'::text)))))));
revoke all on public.webhook_attempts from public, anon, authenticated, service_role;
grant select on public.webhook_attempts to authenticated;
grant select, insert, update, delete on public.webhook_attempts to service_role;
