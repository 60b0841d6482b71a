-- Organizations, their members, and what the webhooks of your customers need: steps 1 to 3 of docs/customers.md.

create table public.organizations (
    id text primary key,
    name text not null
);

create table public.memberships (
    user_id uuid not null references auth.users on delete cascade,
    organization_id text not null references public.organizations,
    role text not null check (role in ('owner', 'member')),
    primary key (user_id, organization_id)
);

create table public.orders (
    id bigint generated always as identity primary key,
    organization_id text not null references public.organizations,
    item text not null,
    created_at timestamptz not null default now()
);

alter table public.organizations enable row level security;
alter table public.memberships enable row level security;
alter table public.orders enable row level security;

create policy "Members see their memberships" on public.memberships
    for select to authenticated using (user_id = (select auth.uid()));
create policy "Members see their organizations" on public.organizations
    for select to authenticated using (
        id in (select m.organization_id from public.memberships as m where m.user_id = (select auth.uid())));
create policy "Members see their orders" on public.orders
    for select to authenticated using (
        organization_id in (select m.organization_id from public.memberships as m where m.user_id = (select auth.uid())));
create policy "Members place orders" on public.orders
    for insert to authenticated with check (
        organization_id in (select m.organization_id from public.memberships as m where m.user_id = (select auth.uid())));

grant select on public.organizations, public.memberships to authenticated;
grant select, insert on public.orders to authenticated;

-- 1. who may do what: members read, owners manage
create or replace function public.webhook_tenants(permission text) returns setof text
language sql stable security definer set search_path = '' as $$
    select m.organization_id
    from public.memberships as m
    where m.user_id = auth.uid() and (permission = 'read' or m.role = 'owner')
$$;

-- 2. what customers can receive
select public.webhook_define_event('order.placed', 'An order was placed.',
    '{"type": "object", "required": ["order_id", "item"], "properties": {
        "order_id": {"type": "integer", "description": "The number of the order."},
        "item": {"type": "string", "description": "What was ordered."}}}',
    '{"order_id": 1, "item": "Tea"}', audience => 'customers');

-- 3. each new order is an event of its organization
select public.webhook_attach('public.orders', 'order.placed', 'insert', '{"order_id": "id", "item": "item"}',
    tenant => 'organization_id');
