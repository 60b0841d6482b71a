-- Endpoints: who receives which events, and where. The first generation's table, with its column names.
create table if not exists public.webhook_configurations (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    url text not null,
    events text[] not null,
    secret_key text,
    is_active boolean not null default true,
    created_by uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    max_attempts integer not null default 3
        constraint webhook_configurations_max_attempts_check check (max_attempts between 1 and 20),
    disabled_at timestamptz,
    disabled_reason text,
    credentials_profile text,
    rate_limit_per_second integer
        constraint webhook_configurations_rate_limit_per_second_check check (rate_limit_per_second between 1 and 100000),
    max_concurrency integer
        constraint webhook_configurations_max_concurrency_check check (max_concurrency between 1 and 10000),
    timeout_seconds double precision
        constraint webhook_configurations_timeout_seconds_check check (timeout_seconds between 0.1 and 120),
    headers jsonb,
    circuit_failure_threshold integer
        constraint webhook_configurations_circuit_failure_threshold_check check (circuit_failure_threshold between 1 and 10000),
    circuit_reset_seconds integer
        constraint webhook_configurations_circuit_reset_seconds_check check (circuit_reset_seconds between 1 and 86400),
    retry_schedule integer[]
        constraint webhook_configurations_retry_schedule_check check (
            cardinality(retry_schedule) between 0 and 19 and array_position(retry_schedule, null) is null
            and 0 <= all (retry_schedule) and 604800 >= all (retry_schedule) and coalesce(array_lower(retry_schedule, 1), 1) = 1),
    expires_after interval
        constraint webhook_configurations_expires_after_check check (expires_after > interval '0' and expires_after <= interval '10 years'),
    tenant_id text
        constraint webhook_configurations_tenant_id_check check (length(tenant_id) between 1 and 255),
    managed_by text,
    deleted_at timestamptz
        constraint webhook_configurations_deleted_check check (deleted_at is null or not is_active)
);

create index if not exists idx_webhook_configurations_active on public.webhook_configurations (is_active) where is_active;
-- a dispatch reads the app's own endpoints, and those of one tenant, however many tenants there are
create index if not exists idx_webhook_configurations_own_events
    on public.webhook_configurations using gin (events) where tenant_id is null;
create index if not exists idx_webhook_configurations_of_tenant
    on public.webhook_configurations (tenant_id) where tenant_id is not null;

comment on table public.webhook_configurations is 'Webhook endpoints: each active row receives a delivery of every event it subscribes to.';
comment on column public.webhook_configurations.url is 'Where deliveries go: https://host/path, sqs://queue?region=..., pubsub://project/topic or kafka://broker:9092/topic. Do not put a password in it.';
comment on column public.webhook_configurations.events is 'Subscriptions: event types (user.joined_community), families (user.*), or * for all.';
comment on column public.webhook_configurations.secret_key is 'Write only: the secret that signs each delivery. It is moved out of this table at once, and reads as null. null: unchanged; an empty string: deleted. whsec_ + base64 of 32 random bytes, whsk_ + base64 of an ed25519 key, or any other string.';
comment on column public.webhook_configurations.is_active is 'Inactive endpoints receive no new deliveries; their pending ones are held.';
comment on column public.webhook_configurations.created_by is 'The user who created it. It outlives the account.';
comment on column public.webhook_configurations.max_attempts is 'A delivery fails permanently after this many attempts (1 to 20). A retry_schedule takes precedence.';
comment on column public.webhook_configurations.disabled_at is 'When the system disabled the endpoint.';
comment on column public.webhook_configurations.disabled_reason is 'Why it did, for example a 410 Gone response.';
comment on column public.webhook_configurations.credentials_profile is 'The name of an entry of the workers'' WEBHOOKS_CREDENTIALS; empty: what the SDK finds itself. Never a credential.';
comment on column public.webhook_configurations.rate_limit_per_second is 'Maximum deliveries per second, over all workers; empty: no limit.';
comment on column public.webhook_configurations.max_concurrency is 'Maximum concurrent deliveries, over all workers; empty: no limit.';
comment on column public.webhook_configurations.timeout_seconds is 'Timeout of one attempt; empty: the workers'' setting.';
comment on column public.webhook_configurations.headers is 'Write only: extra headers as {"Name": "value"}, for example an Authorization that the receiver needs. Moved out of this table at once, like secret_key. null: unchanged; {}: deleted.';
comment on column public.webhook_configurations.circuit_failure_threshold is 'Consecutive failures that open the circuit; empty: the workers'' setting (5).';
comment on column public.webhook_configurations.circuit_reset_seconds is 'How long the circuit stays open before one request probes the endpoint; empty: the workers'' setting (300).';
comment on column public.webhook_configurations.retry_schedule is 'Seconds to wait after each attempt, for example {5,300,1800}: one more attempt than entries. Empty: max_attempts with 2, 4, 8 ... seconds between them.';
comment on column public.webhook_configurations.expires_after is 'A delivery older than this fails as expired; empty: never.';
comment on column public.webhook_configurations.tenant_id is 'The customer of the app that owns the endpoint; empty: the app itself.';
comment on column public.webhook_configurations.managed_by is 'The tool that manages the endpoint as code; empty: people do.';
comment on column public.webhook_configurations.deleted_at is 'When the endpoint was deleted and its history kept.';

create or replace trigger update_webhook_configurations_updated_at
    before update on public.webhook_configurations
    for each row execute function webhooks.touch_endpoint();
create or replace trigger check_webhook_endpoint
    before insert or update of url, events, secret_key, headers, tenant_id, credentials_profile, rate_limit_per_second
    on public.webhook_configurations
    for each row execute function webhooks.check_endpoint();
-- after the check by name, as triggers fire in the order of their names
create or replace trigger move_webhook_endpoint_secrets
    before insert or update of secret_key, headers on public.webhook_configurations
    for each row when (new.secret_key is not null or new.headers is not null)
    execute function webhooks.move_endpoint_secrets();
create or replace trigger new_webhook_circuit
    after insert on public.webhook_configurations
    for each row execute function webhooks.new_circuit();
create or replace trigger reset_webhook_circuit
    after update of is_active on public.webhook_configurations
    for each row when (new.is_active and not old.is_active)
    execute function webhooks.reset_circuit();
create or replace trigger wake_for_webhook_endpoint
    after update of is_active, rate_limit_per_second, max_concurrency on public.webhook_configurations
    for each row when (new.is_active and (
        not old.is_active
        or new.rate_limit_per_second is distinct from old.rate_limit_per_second
        or new.max_concurrency is distinct from old.max_concurrency))
    execute function webhooks.wake_for_endpoint();
create or replace trigger check_webhook_url_again
    after update of url, credentials_profile on public.webhook_configurations
    for each row when (new.url <> old.url or new.credentials_profile is distinct from old.credentials_profile)
    execute function webhooks.check_url_again();

alter table public.webhook_configurations enable row level security;
-- Each side of the "or" is a condition on an index, so that Postgres looks into both (BitmapOr), where
-- "(select webhooks.is_admin())" in its place would make it read the whole table, for everyone: they share the plan.
create policy "Admins and customers can view webhook endpoints" on public.webhook_configurations
    for select to authenticated using (
        (id >= (select webhooks.if_admin('00000000-0000-0000-0000-000000000000'::uuid))
            and id <= (select webhooks.if_admin('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)))
        or tenant_id = any (array(select webhooks.tenants('read'::text))));
revoke all on public.webhook_configurations from public, anon, authenticated, service_role;
grant select on public.webhook_configurations to authenticated;
grant select, insert, update, delete on public.webhook_configurations to service_role;
