-- Who runs `webhooks listen` now. Each listener has a temporary endpoint, listen://..., whose deliveries it claims itself.
create table if not exists webhooks.listeners (
    webhook_config_id uuid primary key,
    owner text not null,
    expires_at timestamptz not null,
    constraint listeners_webhook_config_id_fkey
        foreign key (webhook_config_id) references public.webhook_configurations (id) on delete cascade
        -- written before the endpoint's row, whose trigger looks for it
        deferrable initially deferred
);
comment on table webhooks.listeners is 'The listeners that run now, one for each endpoint whose URL begins with listen://.';
comment on column webhooks.listeners.owner is 'Who may claim for it: user: and a user''s id, or a server''s role.';
comment on column webhooks.listeners.expires_at is 'Each call of the listener moves it out. After it, the endpoint is deleted with its deliveries.';
alter table webhooks.listeners enable row level security;
revoke all on webhooks.listeners from public, anon, authenticated, service_role;
