-- API tokens: what opens the gateway's API for servers, CI and scripts. Only their hashes are kept.

create table if not exists webhooks.api_tokens (
    id uuid primary key default gen_random_uuid(),
    name text not null check (length(btrim(name)) between 1 and 100 and name !~ '[[:cntrl:]]'),
    prefix text not null check (prefix ~ '^whk_[0-9a-f]{8}$'),
    -- SHA-256 without salt or rounds: a token has 256 random bits, so that no one can try out what it might be
    hash text not null unique check (hash ~ '^[0-9a-f]{64}$'),
    scopes text[] not null check (cardinality(scopes) > 0 and scopes <@ '{read,manage,dispatch}'),
    created_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
comment on table webhooks.api_tokens is 'API tokens of the gateway. A token itself is returned once, when it is created, and not stored.';
comment on column webhooks.api_tokens.prefix is 'The first characters of the token, to tell it apart in lists and in the log of actions.';
comment on column webhooks.api_tokens.hash is 'SHA-256 of the token, in hexadecimal.';
comment on column webhooks.api_tokens.scopes is 'read: all that can be read; manage: also endpoints, secrets, retries and tests; dispatch: events, and nothing else.';
comment on column webhooks.api_tokens.created_by is 'The admin''s e-mail address, or the database role of a server.';
comment on column webhooks.api_tokens.last_used_at is 'When it was last accepted, to the minute.';
alter table webhooks.api_tokens enable row level security;
revoke all on webhooks.api_tokens from public, anon, authenticated, service_role;
