-- One circuit per endpoint: closed, open after repeated failures, half-open for one request that probes the endpoint.
-- Postgres decides, since every claim and every result passes through it anyway: all workers agree, a restart
-- forgets nothing, and no delivery waits for a round trip.

create table if not exists public.webhook_circuits (
    webhook_config_id uuid primary key references public.webhook_configurations (id) on delete cascade,
    state text not null default 'closed' check (state in ('closed', 'open', 'half_open')),
    since timestamptz not null default now(),
    open_until timestamptz,
    consecutive_failures integer not null default 0,
    window_started_at timestamptz not null default now(),
    window_attempts integer not null default 0,
    window_failures integer not null default 0,
    failing_since timestamptz,
    undelivered_at timestamptz,
    paused_until timestamptz,
    tokens double precision,
    tokens_at timestamptz,
    places integer check (places > 0),
    failed_probes integer not null default 0,
    last_status integer,
    last_error text,
    -- by default immediately: a new endpoint's URL
    url_check_at timestamptz default now(),
    url_checked_at timestamptz,
    url_warning text,
    constraint webhook_circuits_open_until check (state <> 'open' or open_until is not null)
-- updated with every batch of results: leave room for updates in place
) with (fillfactor = 50);
create index if not exists idx_webhook_circuits_url_check_at
    on public.webhook_circuits (url_check_at) where url_check_at is not null;
-- what holds deliveries back for a time (webhooks.due_in_seconds). These change with few results, so that most updates
-- stay in place.
create index if not exists idx_webhook_circuits_open_until
    on public.webhook_circuits (open_until) where open_until is not null;
create index if not exists idx_webhook_circuits_paused_until
    on public.webhook_circuits (paused_until) where paused_until is not null;
create index if not exists idx_webhook_circuits_tokens_at
    on public.webhook_circuits (tokens_at) where tokens_at is not null;
comment on table public.webhook_circuits is 'The health of each endpoint: whether its circuit lets deliveries through, and if not, why.';
comment on column public.webhook_circuits.webhook_config_id is 'The endpoint.';
comment on column public.webhook_circuits.state is 'closed: deliveries go out. open: they wait. half_open: one request tests whether the endpoint has recovered.';
comment on column public.webhook_circuits.since is 'When this state began.';
comment on column public.webhook_circuits.open_until is 'When an open circuit lets one request through.';
comment on column public.webhook_circuits.consecutive_failures is 'Failures since the endpoint last responded.';
comment on column public.webhook_circuits.window_started_at is 'Start of the window that the failure rate is measured in.';
comment on column public.webhook_circuits.window_attempts is 'Attempts in the window.';
comment on column public.webhook_circuits.window_failures is 'Failures in the window.';
comment on column public.webhook_circuits.failing_since is 'The first undelivered attempt after the last delivered one.';
comment on column public.webhook_circuits.undelivered_at is 'The last undelivered attempt. After two days without attempts, failing_since starts over: silence is not a failure.';
comment on column public.webhook_circuits.paused_until is 'The endpoint asked to wait (Retry-After) until then.';
comment on column public.webhook_circuits.tokens is 'Deliveries that the rate limit allowed at tokens_at; empty: as many as in one second.';
comment on column public.webhook_circuits.tokens_at is 'When the rate limit was last applied; empty: there is none.';
comment on column public.webhook_circuits.places is 'Concurrent deliveries while the endpoint ramps up after an open circuit or a pause; empty: no such limit.';
comment on column public.webhook_circuits.last_status is 'The HTTP status of the last undelivered attempt; empty without a response.';
comment on column public.webhook_circuits.last_error is 'Why the last undelivered attempt failed.';
comment on column public.webhook_circuits.failed_probes is 'Failed probes since the circuit opened: each doubles the wait for the next one.';
comment on column public.webhook_circuits.url_check_at is 'When a worker may check the endpoint''s URL, or check it again if the first worker has stopped; empty: it has been checked.';
comment on column public.webhook_circuits.url_checked_at is 'When a worker last checked the URL: it resolved the name, connected, and verified the certificate, and sent nothing.';
comment on column public.webhook_circuits.url_warning is 'The problem found, and how to fix it; empty: none. Deliveries are still sent. Cleared when the URL changes or a delivery succeeds.';
alter table public.webhook_circuits enable row level security;
create policy "Admins can view webhook circuits" on public.webhook_circuits
    for select to authenticated using ((select webhooks.is_admin()));
revoke all on public.webhook_circuits from public, anon, authenticated, service_role;
grant select on public.webhook_circuits to authenticated, service_role;
