-- Who may use the admin functions, and a log of what they did with them.

create or replace function webhooks.caller()
returns text
language sql
stable
set search_path = ''
as $$
    -- inside a security definer function current_user is its owner; the setting still names who asked
    select case current_setting('role') when 'none' then session_user::text else current_setting('role') end
$$;
comment on function webhooks.caller() is 'The database role that the request runs as, whatever security definer function is under way.';
revoke all on function webhooks.caller() from public, anon, authenticated;
grant execute on function webhooks.caller() to authenticated, service_role;

create or replace function webhooks.check_admin()
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
    -- whoever may emit any event is a server-side caller (docs/decisions/0003)
    if has_function_privilege(webhooks.caller(), 'webhooks.emit(text, jsonb, uuid, text, text)', 'execute') then
        return;
    end if;
    if not public.is_webhook_admin() then
        raise exception 'only webhook admins may do this'
            using errcode = '42501', hint = 'public.is_webhook_admin() decides who is one.';
    end if;
end $$;
comment on function webhooks.check_admin() is 'Raises an error unless a server or a webhook admin asks.';
revoke all on function webhooks.check_admin() from public, anon, authenticated;
grant execute on function webhooks.check_admin() to authenticated, service_role;

create table if not exists public.webhook_admin_actions (
    id uuid primary key default gen_random_uuid(),
    acted_at timestamptz not null default clock_timestamp(),
    actor_id uuid,
    actor text not null,
    action text not null,
    webhook_config_id uuid,
    delivery_id uuid,
    details jsonb not null default '{}'
);
create index if not exists idx_webhook_admin_actions_acted_at on public.webhook_admin_actions (acted_at desc);
create index if not exists idx_webhook_admin_actions_delivery_id
    on public.webhook_admin_actions (delivery_id) where delivery_id is not null;
comment on table public.webhook_admin_actions is 'What admins did: endpoints made and changed, secrets rotated, deliveries retried and replayed, tests sent. It outlives what it names.';
comment on column public.webhook_admin_actions.acted_at is 'When it was done.';
comment on column public.webhook_admin_actions.actor_id is 'The user; empty for a server.';
comment on column public.webhook_admin_actions.actor is 'The user''s e-mail address, or the database role of a server.';
comment on column public.webhook_admin_actions.action is 'For example rotate_secret or retry.';
comment on column public.webhook_admin_actions.webhook_config_id is 'The endpoint that it concerns, if one.';
comment on column public.webhook_admin_actions.delivery_id is 'The delivery that it concerns, if one.';
comment on column public.webhook_admin_actions.details is 'What was asked. Never a secret, nor a header''s value.';

alter table public.webhook_admin_actions enable row level security;
create policy "Admins can view webhook admin actions" on public.webhook_admin_actions
    for select to authenticated using ((select public.is_webhook_admin()));
revoke all on public.webhook_admin_actions from public, anon, authenticated;
grant select on public.webhook_admin_actions to authenticated, service_role;

create or replace function webhooks.log_action(
    action text,
    webhook_config_id uuid default null,
    delivery_id uuid default null,
    details jsonb default '{}'
)
returns void
language sql
set search_path = ''
as $$
    insert into public.webhook_admin_actions (actor_id, actor, action, webhook_config_id, delivery_id, details)
    values (auth.uid(), coalesce(auth.jwt() ->> 'email', auth.uid()::text, webhooks.caller()),
            log_action.action, log_action.webhook_config_id, log_action.delivery_id, log_action.details)
$$;
comment on function webhooks.log_action(text, uuid, uuid, jsonb) is 'Writes one row of public.webhook_admin_actions.';
revoke all on function webhooks.log_action(text, uuid, uuid, jsonb) from public, anon, authenticated;

create or replace function public.webhook_admin_check()
returns void
language sql
stable
set search_path = ''
as $$
    select webhooks.check_admin()
$$;
comment on function public.webhook_admin_check() is 'Raises an error unless a server or a webhook admin asks: for pages that read tables, where row level security would show others nothing.';
revoke all on function public.webhook_admin_check() from public, anon, authenticated;
grant execute on function public.webhook_admin_check() to authenticated, service_role;
