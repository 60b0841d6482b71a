create table if not exists webhooks.sign_in_tries (
    -- a keyed hash: neither the address nor the account can be read from it
    pair text primary key check (pair ~ '^[0-9a-f]{64}$'),
    tries integer not null,
    since timestamptz not null default now()
);
create index if not exists sign_in_tries_since_idx on webhooks.sign_in_tries (since);
comment on table webhooks.sign_in_tries is 'Attempts to sign in to the dashboard, by address and account together, and wrong API tokens, by address, for 15 minutes from the first one.';
comment on column webhooks.sign_in_tries.pair is 'HMAC-SHA256 of address and account, with the gateways'' key.';
alter table webhooks.sign_in_tries enable row level security;
revoke all on webhooks.sign_in_tries from public, anon, authenticated, service_role;
