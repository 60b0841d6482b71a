create or replace function public.webhook_define_event(
    name text,
    description text,
    data_schema jsonb,
    example jsonb default null,
    users_may_dispatch boolean default false,
    audience text default null
)
returns text
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_define_event(
        webhook_define_event.name,
        webhook_define_event.description,
        webhook_define_event.data_schema,
        webhook_define_event.example,
        webhook_define_event.users_may_dispatch,
        webhook_define_event.audience);
end $$;
comment on function public.webhook_define_event(text, text, jsonb, jsonb, boolean, text) is 'Adds an event type to the catalog, or changes it: its meaning, the JSON Schema of its data, and an example (derived from the schema if none is given). users_may_dispatch: signed-in users can dispatch it too. audience: customers for a type that tenants'' endpoints can receive, else internal; null: unchanged, and internal for a new type.';
revoke all on function public.webhook_define_event(text, text, jsonb, jsonb, boolean, text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_define_event(text, text, jsonb, jsonb, boolean, text) to service_role;
