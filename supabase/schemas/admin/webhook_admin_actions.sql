create table if not exists public.webhook_admin_actions (
    id uuid primary key default gen_random_uuid(),
    acted_at timestamptz not null default clock_timestamp(),
    actor_id text,
    actor text not null,
    action text not null,
    webhook_config_id uuid,
    delivery_id uuid,
    details jsonb not null default '{}',
    tenant_id text
);
create index if not exists idx_webhook_admin_actions_acted_at on public.webhook_admin_actions (acted_at desc);
create index if not exists idx_webhook_admin_actions_delivery_id
    on public.webhook_admin_actions (delivery_id) where delivery_id is not null;
-- what servers dispatch is deleted with its deliveries
create index if not exists idx_webhook_admin_actions_dispatched
    on public.webhook_admin_actions (acted_at) where action = 'dispatch' and actor_id is null;
comment on table public.webhook_admin_actions is 'A log of what admins did: endpoints created and changed, secrets rotated, deliveries retried and replayed, tests sent, API tokens created and revoked. It is kept when endpoints and deliveries are deleted.';
comment on column public.webhook_admin_actions.acted_at is 'When it was done.';
comment on column public.webhook_admin_actions.actor_id is 'The user; empty for a server and an API token.';
comment on column public.webhook_admin_actions.actor is 'The user''s e-mail address, the name and prefix of an API token, or the database role of a server.';
comment on column public.webhook_admin_actions.action is 'For example rotate_secret or retry.';
comment on column public.webhook_admin_actions.webhook_config_id is 'The endpoint concerned, if any.';
comment on column public.webhook_admin_actions.delivery_id is 'The delivery concerned, if any.';
comment on column public.webhook_admin_actions.tenant_id is 'The tenant whose endpoint it was; empty: the app itself.';
comment on column public.webhook_admin_actions.details is 'The request''s arguments, without secrets and header values.';
alter table public.webhook_admin_actions enable row level security;
create policy "Admins can view webhook admin actions" on public.webhook_admin_actions
    for select to authenticated using ((select webhooks.is_admin()));
revoke all on public.webhook_admin_actions from public, anon, authenticated, service_role;
grant select on public.webhook_admin_actions to authenticated, service_role;
