create table if not exists webhooks.dispatch_allowances (
    user_sub text primary key,
    events double precision not null,
    at timestamptz not null default now()
) with (fillfactor = 50);
comment on table webhooks.dispatch_allowances is 'How many events each user could dispatch at a given time; it refills by the limit per minute, up to the limit.';
alter table webhooks.dispatch_allowances enable row level security;
revoke all on webhooks.dispatch_allowances from public, anon, authenticated, service_role;
