-- Endpoints: who is told of which events, and where. On a platform that runs the first generation the table
-- exists already and is upgraded in place: every row stays, callers keep their column names.

create schema if not exists webhooks;
comment on schema webhooks is 'Internals of the webhook system. Not exposed through the REST API.';
revoke all on schema webhooks from public;

create table if not exists public.webhook_configurations (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    url text not null,
    events text[] not null,
    secret_key text,
    is_active boolean not null default true,
    created_by uuid references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- The first generation deleted an admin's endpoints, and their deliveries, with the admin's account. No caller
-- relied on that; and the table is small (a row an endpoint), so its constraints are checked at once.
-- squawk-ignore ban-drop-not-null
alter table public.webhook_configurations alter column created_by drop not null;
-- squawk-ignore ban-drop-constraint
alter table public.webhook_configurations drop constraint if exists webhook_configurations_created_by_fkey;
-- squawk-ignore constraint-missing-not-valid, adding-foreign-key-constraint
alter table public.webhook_configurations add constraint webhook_configurations_created_by_fkey
    foreign key (created_by) references auth.users (id) on delete set null;

alter table public.webhook_configurations
    add column if not exists max_attempts integer not null default 3,
    add column if not exists disabled_at timestamptz,
    add column if not exists disabled_reason text;
-- squawk-ignore constraint-missing-not-valid
alter table public.webhook_configurations add constraint webhook_configurations_max_attempts_check
    check (max_attempts between 1 and 20);

create index if not exists idx_webhook_configurations_active
    on public.webhook_configurations (is_active) where is_active;
create index if not exists idx_webhook_configurations_events
    on public.webhook_configurations using gin (events);

comment on table public.webhook_configurations is 'Webhook endpoints: each active row gets a delivery of every event it subscribes to.';
comment on column public.webhook_configurations.url is 'Where deliveries go: https://host/path. Never put a password in it.';
comment on column public.webhook_configurations.events is 'Subscriptions: event types (user.joined_community), families (user.*), or * for all.';
comment on column public.webhook_configurations.secret_key is 'Signs each delivery. whsec_ + base64 of 32 random bytes, or any other string. Without one, deliveries are unsigned.';
comment on column public.webhook_configurations.is_active is 'Inactive endpoints get no new deliveries; their pending ones are held.';
comment on column public.webhook_configurations.max_attempts is 'A delivery fails for good after so many attempts (1 to 20).';
comment on column public.webhook_configurations.disabled_at is 'When the system itself switched the endpoint off.';
comment on column public.webhook_configurations.disabled_reason is 'Why it did, for example a 410 Gone answer.';

create or replace function public.is_webhook_admin()
returns boolean
language plpgsql
stable
-- definer: the platform's table of users may be hidden from the user who asks
security definer
set search_path = ''
as $$
declare
    _is_admin boolean := false;
begin
    if auth.jwt() -> 'app_metadata' ->> 'role' = 'admin' then
        return true;
    end if;
    -- the platform keeps its admins in public.users.role; another app has no such column
    if exists (
        select from pg_catalog.pg_attribute a
        where a.attrelid = to_regclass('public.users') and a.attname = 'role' and not a.attisdropped
    ) then
        execute 'select exists (select from public.users u where u.id = auth.uid() and u.role::text = ''admin'')'
        into _is_admin;
    end if;
    return _is_admin;
end $$;
comment on function public.is_webhook_admin() is 'Whether the calling user may see endpoints and deliveries: app_metadata.role or public.users.role is admin. Replace it to decide otherwise.';
revoke all on function public.is_webhook_admin() from public, anon, authenticated;
grant execute on function public.is_webhook_admin() to authenticated, service_role;

create or replace function webhooks.url_problem(url text)
returns text
language sql
immutable
set search_path = ''
as $$
    select case
        when url ~ '^https?://[^/?#]*@' then
            'the URL carries a user name or password; put credentials in secret_key or a header instead'
        when url ~ '^https?://(\[[0-9A-Fa-f:.]+\]|[^]:/?#@\\%<>"[:space:][]+)(:[0-9]{1,5})?([/?][^[:space:]#]*)?$' then
            null
        when url ~ '^https?:' then
            'the URL is malformed; a right one is https://example.com/webhooks'
        else
            'the URL''s scheme is not supported; a right one is https://example.com/webhooks'
    end
$$;
comment on function webhooks.url_problem(text) is 'Why an endpoint''s URL cannot be delivered to, or null. Mirrors webhooks/destinations.py.';
revoke all on function webhooks.url_problem(text) from public, anon, authenticated;

create or replace function webhooks.touch_endpoint()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    new.updated_at := now();
    if new.is_active and not old.is_active then
        new.disabled_at := null;
        new.disabled_reason := null;
    end if;
    return new;
end $$;
revoke all on function webhooks.touch_endpoint() from public, anon, authenticated;
drop trigger if exists update_webhook_configurations_updated_at on public.webhook_configurations;
create trigger update_webhook_configurations_updated_at
    before update on public.webhook_configurations
    for each row execute function webhooks.touch_endpoint();

alter table public.webhook_configurations enable row level security;
drop policy if exists "Admins can manage webhook configurations" on public.webhook_configurations;
drop policy if exists "Admins can view webhook configurations" on public.webhook_configurations;
create policy "Admins can view webhook configurations" on public.webhook_configurations
    for select to authenticated using ((select public.is_webhook_admin()));

revoke all on public.webhook_configurations from public, anon, authenticated;
-- every column but secret_key: an admin's browser never needs it
grant select (id, name, url, events, is_active, created_by, created_at, updated_at,
    max_attempts, disabled_at, disabled_reason) on public.webhook_configurations to authenticated;
grant select, insert, update, delete on public.webhook_configurations to service_role;
