-- The event catalog: what may be dispatched, with the shape of its data. An app's analytics events may
-- be listed here too, so that dispatching one is an error that says where it belongs.

create table if not exists public.webhook_event_types (
    name text primary key check (name ~ '^[a-z0-9_]+(\.[a-z0-9_]+)*$'),
    description text not null,
    data_schema jsonb check (jsonb_typeof(data_schema) = 'object'),
    example jsonb check (jsonb_typeof(example) = 'object'),
    analytics_destination text,
    created_at timestamptz not null default now(),
    audience text not null default 'internal' check (audience in ('internal', 'customers')),
    users_may_dispatch boolean not null default false,
    keep_for interval check (keep_for > interval '0'),
    redact text[],
    constraint webhook_event_types_webhook_or_analytics check (
        (analytics_destination is null and data_schema is not null and example is not null)
        or (analytics_destination is not null and data_schema is null and example is null)
    )
);
comment on table public.webhook_event_types is 'The event catalog: each type''s meaning, the JSON Schema of its data, and an example.';
comment on column public.webhook_event_types.name is 'As given to dispatch_webhook, for example user.joined_community.';
comment on column public.webhook_event_types.description is 'What the event means, in a sentence.';
comment on column public.webhook_event_types.data_schema is 'JSON Schema of event_data. Required keys and types are checked always, all of it where pg_jsonschema is installed.';
comment on column public.webhook_event_types.example is 'An example of event_data that satisfies data_schema.';
comment on column public.webhook_event_types.analytics_destination is 'Set for an analytics event, which is rejected as a webhook: where it goes instead.';
comment on column public.webhook_event_types.audience is 'internal: the app''s own endpoints only. customers: tenants'' endpoints may receive it too.';
comment on column public.webhook_event_types.users_may_dispatch is 'Whether signed-in users may dispatch it, not only servers.';
comment on column public.webhook_event_types.keep_for is 'How long its finished deliveries are kept, if that is shorter than retention; empty: as long as all others.';
comment on column public.webhook_event_types.redact is 'Fields of its data, such as {email,user.name}, that are overwritten in what is stored once it is delivered. Such a delivery cannot be sent again.';
alter table public.webhook_event_types enable row level security;
create policy "Signed-in users can read the types that are for them" on public.webhook_event_types
    for select to authenticated using (
        audience = 'customers'::text or users_may_dispatch or (select webhooks.is_admin()));
revoke all on public.webhook_event_types from public, anon, authenticated, service_role;
grant select on public.webhook_event_types to authenticated;
grant select, insert, update, delete on public.webhook_event_types to service_role;
