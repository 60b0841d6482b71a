create table if not exists public.webhook_tenant_limits (
    tenant_id text primary key,
    endpoints integer check (endpoints >= 0),
    deliveries_per_second integer check (deliveries_per_second between 1 and 100000),
    schemes text[] check (cardinality(schemes) > 0),
    private_networks boolean,
    keep_for interval check (keep_for > interval '0'),
    constraint webhook_tenant_limits_defaults check (
        tenant_id <> '' or num_nulls(endpoints, deliveries_per_second, schemes, private_networks) = 0)
);
comment on table public.webhook_tenant_limits is 'What tenants'' endpoints may do: the row with an empty tenant_id holds the defaults, another row what differs for its tenant. A change applies to endpoints that are created or changed afterwards.';
comment on column public.webhook_tenant_limits.tenant_id is 'The tenant; an empty string: the defaults of all.';
comment on column public.webhook_tenant_limits.endpoints is 'How many endpoints a tenant can have; empty: the default.';
comment on column public.webhook_tenant_limits.deliveries_per_second is 'The sum of the rate limits of a tenant''s endpoints; empty: the default. An endpoint without a rate limit of its own gets an equal share.';
comment on column public.webhook_tenant_limits.schemes is 'The URL schemes of a tenant''s endpoints, for example {https}; empty: the default.';
comment on column public.webhook_tenant_limits.private_networks is 'Whether a tenant''s deliveries can go to the private networks that the workers'' setting allows; empty: the default.';
comment on column public.webhook_tenant_limits.keep_for is 'How long finished deliveries of the tenant''s events are kept, if that is shorter than retention; empty, also as a default: as long as all others.';
alter table public.webhook_tenant_limits enable row level security;
create policy "Admins can view webhook tenant limits" on public.webhook_tenant_limits
    for select to authenticated using ((select webhooks.is_admin()));
revoke all on public.webhook_tenant_limits from public, anon, authenticated, service_role;
grant select on public.webhook_tenant_limits to authenticated;
grant select, insert, update, delete on public.webhook_tenant_limits to service_role;
insert into public.webhook_tenant_limits (tenant_id, endpoints, deliveries_per_second, schemes, private_networks)
values ('', 20, 100, '{https}', false)
on conflict do nothing;
