create table if not exists public.webhook_trigger_errors (
    id uuid primary key default gen_random_uuid(),
    occurred_at timestamptz not null default clock_timestamp(),
    source text not null,
    event_type text,
    operation text,
    events integer,
    code text not null,
    message text not null,
    context text,
    data jsonb,
    resolved_at timestamptz
);
create index if not exists idx_webhook_trigger_errors_occurred_at on public.webhook_trigger_errors (occurred_at desc);
comment on table public.webhook_trigger_errors is 'Events that could not be emitted for a table''s change. The change itself was saved.';
comment on column public.webhook_trigger_errors.occurred_at is 'When it went wrong.';
comment on column public.webhook_trigger_errors.source is 'The table that changed.';
comment on column public.webhook_trigger_errors.event_type is 'The event that should have been emitted; empty if it is unknown.';
comment on column public.webhook_trigger_errors.operation is 'The change: insert, update or delete.';
comment on column public.webhook_trigger_errors.events is 'How many events were lost; empty: unknown.';
comment on column public.webhook_trigger_errors.code is 'SQLSTATE of the error.';
comment on column public.webhook_trigger_errors.message is 'What went wrong.';
comment on column public.webhook_trigger_errors.context is 'Where it happened: the PL/pgSQL context.';
comment on column public.webhook_trigger_errors.data is 'What is needed to emit the events again, a list: {"data", "actor", "tenant"} of an event; {"new", "old", "user"} of a row whose event could not be built; {"key"} or {"row"}, by which it is read again. Empty if it could not be kept.';
comment on column public.webhook_trigger_errors.resolved_at is 'When the events were finally emitted.';
alter table public.webhook_trigger_errors enable row level security;
create policy "Admins can view webhook trigger errors" on public.webhook_trigger_errors
    for select to authenticated using ((select webhooks.is_admin()));
revoke all on public.webhook_trigger_errors from public, anon, authenticated, service_role;
grant select on public.webhook_trigger_errors to authenticated;
grant select, delete on public.webhook_trigger_errors to service_role;
