-- Alerts: conditions that people must know of, from start to end. Each is sent once when it starts and once when it
-- ends: to Slack and by e-mail through the workers (or the gateway), and to endpoints as the event webhook.alert.

create table if not exists public.webhook_alerts (
    id uuid primary key default gen_random_uuid(),
    kind text not null check (kind in ('failure_rate', 'overdue', 'endpoint_failing', 'dispatcher_silent', 'endpoint_disabled')),
    severity text not null check (severity in ('warning', 'critical')),
    subject text not null default '',
    webhook_config_id uuid references public.webhook_configurations (id) on delete set null,
    summary text not null,
    details jsonb not null default '{}',
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    constraint webhook_alerts_ends_after_start check (ended_at >= started_at)
);
create unique index if not exists idx_webhook_alerts_active on public.webhook_alerts (kind, subject) where ended_at is null;
create index if not exists idx_webhook_alerts_started_at on public.webhook_alerts (started_at desc);
create index if not exists idx_webhook_alerts_ended_at on public.webhook_alerts (ended_at) where ended_at is not null;
create index if not exists idx_webhook_alerts_webhook_config_id on public.webhook_alerts (webhook_config_id);
comment on table public.webhook_alerts is 'Alerts, from start to end; kept for 90 days after they end.';
comment on column public.webhook_alerts.kind is 'failure_rate, overdue, endpoint_failing, dispatcher_silent or endpoint_disabled.';
comment on column public.webhook_alerts.severity is 'critical: nothing is delivered, or soon nothing will be. warning: some deliveries suffer.';
comment on column public.webhook_alerts.subject is 'What it is about: an endpoint''s id, or empty. At most one alert of each kind and subject is active.';
comment on column public.webhook_alerts.webhook_config_id is 'The endpoint that it is about, if any, while it exists.';
comment on column public.webhook_alerts.summary is 'One sentence, as it was sent at the start.';
comment on column public.webhook_alerts.details is 'The figures behind it.';
comment on column public.webhook_alerts.ended_at is 'Empty while it is active.';
alter table public.webhook_alerts enable row level security;
create policy "Admins can view webhook alerts" on public.webhook_alerts
    for select to authenticated using ((select webhooks.is_admin()));
revoke all on public.webhook_alerts from public, anon, authenticated, service_role;
grant select on public.webhook_alerts to authenticated, service_role;
