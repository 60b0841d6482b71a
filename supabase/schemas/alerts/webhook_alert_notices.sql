create table if not exists public.webhook_alert_notices (
    alert_id uuid not null references public.webhook_alerts (id) on delete cascade,
    moment text not null check (moment in ('started', 'ended')),
    channel text not null check (channel in ('slack', 'email')),
    created_at timestamptz not null default now(),
    next_try_at timestamptz not null default now(),
    tries integer not null default 0,
    sent_at timestamptz,
    error text,
    primary key (alert_id, moment, channel)
);
create index if not exists idx_webhook_alert_notices_due
    on public.webhook_alert_notices (next_try_at) where sent_at is null;
comment on table public.webhook_alert_notices is 'Who was told of an alert: one row for its start and one for its end in each channel.';
comment on column public.webhook_alert_notices.next_try_at is 'When it is tried again; while somebody sends it, when another may.';
comment on column public.webhook_alert_notices.tries is 'Tries so far, ten at most.';
comment on column public.webhook_alert_notices.error is 'Why the last try failed.';
alter table public.webhook_alert_notices enable row level security;
create policy "Admins can view webhook alert notices" on public.webhook_alert_notices
    for select to authenticated using ((select webhooks.is_admin()));
revoke all on public.webhook_alert_notices from public, anon, authenticated, service_role;
grant select on public.webhook_alert_notices to authenticated, service_role;
