-- One circuit an endpoint: closed, open after repeated failures, half-open for one request that tries again.
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
    constraint webhook_circuits_open_until check (state <> 'open' or open_until is not null)
-- updated with every batch of results: room for updates in place
) with (fillfactor = 50);
comment on table public.webhook_circuits is 'The health of each endpoint: whether its circuit lets deliveries through, and why not.';
comment on column public.webhook_circuits.state is 'closed: deliveries flow. open: they wait. half_open: one request tries whether the endpoint is back.';
comment on column public.webhook_circuits.since is 'When the state began.';
comment on column public.webhook_circuits.open_until is 'When an open circuit lets one request try.';
comment on column public.webhook_circuits.consecutive_failures is 'Failures since the endpoint last answered.';
comment on column public.webhook_circuits.window_started_at is 'Start of the window that the failure rate is measured in.';
comment on column public.webhook_circuits.window_attempts is 'Attempts in the window.';
comment on column public.webhook_circuits.window_failures is 'Failures in the window.';
comment on column public.webhook_circuits.failing_since is 'The first undelivered attempt after the last delivered one.';
comment on column public.webhook_circuits.undelivered_at is 'The last undelivered attempt. After two quiet days failing_since begins anew: silence is no failure.';
comment on column public.webhook_circuits.paused_until is 'The endpoint asked to wait (Retry-After) until then.';
comment on column public.webhook_circuits.tokens is 'Deliveries that the rate limit allowed at tokens_at; empty: as many as in one second.';

alter table public.webhook_circuits enable row level security;
create policy "Admins can view webhook circuits" on public.webhook_circuits
    for select to authenticated using ((select public.is_webhook_admin()));
revoke all on public.webhook_circuits from public, anon, authenticated;
grant select on public.webhook_circuits to authenticated, service_role;

create or replace function webhooks.new_circuit()
returns trigger
language plpgsql
-- definer: circuits are written by the system alone
security definer
set search_path = ''
as $$
begin
    insert into public.webhook_circuits (webhook_config_id) values (new.id)
    -- switched on again: what it did before no longer counts
    on conflict (webhook_config_id) do update
    set state = 'closed', since = now(), open_until = null, consecutive_failures = 0, window_started_at = now(),
        window_attempts = 0, window_failures = 0, failing_since = null, undelivered_at = null, paused_until = null;
    return null;
end $$;
comment on function webhooks.new_circuit() is 'Gives a new endpoint a closed circuit, and closes that of one that is switched on again.';
revoke all on function webhooks.new_circuit() from public, anon, authenticated;
create trigger new_webhook_circuit
    after insert on public.webhook_configurations
    for each row execute function webhooks.new_circuit();
create trigger reset_webhook_circuit
    after update of is_active on public.webhook_configurations
    for each row when (new.is_active and not old.is_active) execute function webhooks.new_circuit();

-- after the trigger: an endpoint that is made meanwhile has its circuit by one or the other
insert into public.webhook_circuits (webhook_config_id)
select c.id from public.webhook_configurations as c
on conflict do nothing;

create or replace view webhooks.ready_endpoints as
select c.id,
       h.state,
       (h.state <> 'closed' or c.rate_limit_per_second is not null or c.max_concurrency is not null) as limited,
       -- in flight at most; null: no limit
       case when h.state <> 'closed' then 1 else c.max_concurrency end as places,
       -- of those, what was claimed before the circuit opened is none: the probe need not wait for it
       case when h.state <> 'closed' then h.since else '-infinity' end as places_since,
       -- a bucket of one second's tokens; null: no limit
       least(c.rate_limit_per_second::double precision, coalesce(
           h.tokens + c.rate_limit_per_second * greatest(0, extract(epoch from now() - h.tokens_at)),
           c.rate_limit_per_second)) as tokens
from public.webhook_configurations as c
join public.webhook_circuits as h on h.webhook_config_id = c.id
where c.is_active
  and (h.paused_until is null or h.paused_until <= now())
  and (h.state <> 'open' or h.open_until <= now());
comment on view webhooks.ready_endpoints is 'The endpoints that deliveries may go to now, with their limits.';
revoke all on webhooks.ready_endpoints from public, anon, authenticated;
