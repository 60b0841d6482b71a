-- What the database emits by itself: the triggers that turn a table's changes into events, the errors inside them,
-- and whose change an idempotency key stands for.

create table if not exists public.webhook_triggers (
    source regclass not null,
    trigger_name name not null,
    event_type text not null references public.webhook_event_types (name) on update cascade,
    operation text not null check (operation in ('insert', 'update', 'delete')),
    data jsonb not null,
    actor text,
    condition text,
    identity text[] not null,
    query text not null,
    attached_at timestamptz not null default now(),
    primary key (source, trigger_name),
    unique (source, event_type, operation)
);
create index if not exists idx_webhook_triggers_event_type on public.webhook_triggers (event_type);
comment on table public.webhook_triggers is 'Which changes of which tables are events. Written by webhook_attach and webhook_detach only.';
comment on column public.webhook_triggers.source is 'The table.';
comment on column public.webhook_triggers.trigger_name is 'The trigger on it.';
comment on column public.webhook_triggers.event_type is 'What is emitted, for each changed row.';
comment on column public.webhook_triggers.operation is 'The change: insert, update or delete.';
comment on column public.webhook_triggers.data is 'Where each key of the event''s data comes from, as given to webhook_attach.';
comment on column public.webhook_triggers.actor is 'The column or SQL that names the user who did it; empty: nobody.';
comment on column public.webhook_triggers.condition is 'The SQL that a changed row must satisfy; empty: every row.';
comment on column public.webhook_triggers.identity is 'The keys of data that tell one change from another (and @actor). By them a later dispatch_webhook of the same fact is known.';
comment on column public.webhook_triggers.query is 'The SQL that the trigger runs over a statement''s changed rows.';

alter table public.webhook_triggers enable row level security;
drop policy if exists "Admins can view webhook triggers" on public.webhook_triggers;
create policy "Admins can view webhook triggers" on public.webhook_triggers
    for select to authenticated using ((select public.is_webhook_admin()));
-- query runs as the owner of webhooks.on_change, so that not even service_role may write it
revoke all on public.webhook_triggers from public, anon, authenticated, service_role;
grant select on public.webhook_triggers to authenticated, service_role;

create table if not exists public.webhook_trigger_errors (
    id uuid primary key default gen_random_uuid(),
    occurred_at timestamptz not null default now(),
    source text not null,
    event_type text,
    operation text,
    events integer,
    code text not null,
    message text not null,
    context text
);
create index if not exists idx_webhook_trigger_errors_occurred_at on public.webhook_trigger_errors (occurred_at desc);
comment on table public.webhook_trigger_errors is 'Events that could not be made of a table''s change. The change itself went through.';
comment on column public.webhook_trigger_errors.source is 'The table that changed.';
comment on column public.webhook_trigger_errors.event_type is 'What should have been emitted; empty when not even that could be read.';
comment on column public.webhook_trigger_errors.operation is 'The change: insert, update or delete.';
comment on column public.webhook_trigger_errors.events is 'How many events were lost; empty: unknown.';
comment on column public.webhook_trigger_errors.code is 'SQLSTATE of the error.';
comment on column public.webhook_trigger_errors.message is 'What went wrong.';
comment on column public.webhook_trigger_errors.context is 'Where, as PL/pgSQL tells it.';

alter table public.webhook_trigger_errors enable row level security;
drop policy if exists "Admins can view webhook trigger errors" on public.webhook_trigger_errors;
create policy "Admins can view webhook trigger errors" on public.webhook_trigger_errors
    for select to authenticated using ((select public.is_webhook_admin()));
revoke all on public.webhook_trigger_errors from public, anon, authenticated;
grant select on public.webhook_trigger_errors to authenticated;
grant select, delete on public.webhook_trigger_errors to service_role;

alter table webhooks.idempotency_keys
    add column if not exists actor_user_id uuid,
    add column if not exists awaits_change boolean not null default false;
comment on column webhooks.idempotency_keys.scope is 'Whose key it is: a user''s id, server, or change for what a trigger emitted. One caller''s keys never meet another''s.';
comment on column webhooks.idempotency_keys.actor_user_id is 'Of a change: who did it. Another user''s dispatch does not find it.';
comment on column webhooks.idempotency_keys.awaits_change is 'A server dispatched the event before its change; the trigger skips the change when it follows in the same transaction.';
