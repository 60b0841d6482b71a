-- What the database emits by itself: the triggers that turn a table's changes into events, the errors inside them,
-- and which change an idempotency key belongs to.

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
    tenant text,
    on_unchanged boolean not null default false,
    enabled boolean not null default true,
    primary key (source, trigger_name),
    unique (source, event_type, operation)
);
create index if not exists idx_webhook_triggers_event_type on public.webhook_triggers (event_type);
comment on table public.webhook_triggers is 'Which changes of which tables are events. Written only by webhook_attach and webhook_detach.';
comment on column public.webhook_triggers.attached_at is 'When the table was attached.';
comment on column public.webhook_triggers.source is 'The table.';
comment on column public.webhook_triggers.trigger_name is 'The trigger on it.';
comment on column public.webhook_triggers.event_type is 'What is emitted, for each changed row.';
comment on column public.webhook_triggers.operation is 'The change: insert, update or delete.';
comment on column public.webhook_triggers.data is 'Where each key of the event''s data comes from, as given to webhook_attach.';
comment on column public.webhook_triggers.actor is 'The column or SQL that names the user who did it; empty: no user.';
comment on column public.webhook_triggers.condition is 'The SQL that a changed row must satisfy; empty: every row.';
comment on column public.webhook_triggers.identity is 'The keys of data that identify a change (and @actor). They match a later dispatch_webhook for the same change.';
comment on column public.webhook_triggers.query is 'The SQL that the trigger runs over a statement''s changed rows.';
comment on column public.webhook_triggers.tenant is 'The column or SQL that names the tenant; empty: the app itself.';
comment on column public.webhook_triggers.on_unchanged is 'For updates: whether those that change no attached column are events too.';
comment on column public.webhook_triggers.enabled is 'false: the trigger emits nothing. For tables whose trigger the caller cannot drop.';
alter table public.webhook_triggers enable row level security;
create policy "Admins can view webhook triggers" on public.webhook_triggers
    for select to authenticated using ((select webhooks.is_admin()));
-- query runs as the owner of webhooks.on_change, so that not even service_role may write it
revoke all on public.webhook_triggers from public, anon, authenticated, service_role;
grant select on public.webhook_triggers to authenticated, service_role;
