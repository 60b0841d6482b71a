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
comment on column public.webhook_dispatcher_runs.enqueued is 'Jobs given to the workers; each drains many deliveries. 0 where the call itself delivered.';
comment on column public.webhook_dispatcher_runs.error is 'What went wrong, for example that Redis was unavailable.';
alter table public.webhook_dispatcher_runs enable row level security;
create policy "Admins can view webhook dispatcher runs" on public.webhook_dispatcher_runs
    for select to authenticated using ((select webhooks.is_admin()));
revoke all on public.webhook_dispatcher_runs from public, anon, authenticated, service_role;
grant select on public.webhook_dispatcher_runs to authenticated;
grant select, insert, update, delete on public.webhook_dispatcher_runs to service_role;
