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
comment on table public.webhook_alert_notices is 'Notices of alerts: one row for the start and one for the end, per channel.';
comment on column public.webhook_alert_notices.alert_id is 'The alert.';
comment on column public.webhook_alert_notices.moment is 'started or ended: which of the two the notice announces.';
comment on column public.webhook_alert_notices.channel is 'slack or email.';
comment on column public.webhook_alert_notices.sent_at is 'When the channel accepted it; empty: not yet.';
comment on column public.webhook_alert_notices.next_try_at is 'When it is retried; while a process is sending it, when another process may.';
comment on column public.webhook_alert_notices.tries is 'Attempts so far, at most ten.';
comment on column public.webhook_alert_notices.error is 'Why the last attempt failed.';
alter table public.webhook_alert_notices enable row level security;
create policy "Admins can view webhook alert notices" on public.webhook_alert_notices
    for select to authenticated using ((select webhooks.is_admin()));
revoke all on public.webhook_alert_notices from public, anon, authenticated, service_role;
grant select on public.webhook_alert_notices to authenticated, service_role;
