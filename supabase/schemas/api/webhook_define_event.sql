create or replace function public.webhook_define_event(
    name text,
    description text,
    data_schema jsonb,
    example jsonb default null,
    users_may_dispatch boolean default false
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
        webhook_define_event.users_may_dispatch);
end $$;
comment on function public.webhook_define_event(text, text, jsonb, jsonb, boolean) is 'Adds an event type to the catalog, or changes it: its meaning, the JSON Schema of its data, and an example (derived from the schema if none is given). users_may_dispatch: signed-in users can dispatch it too.';
revoke all on function public.webhook_define_event(text, text, jsonb, jsonb, boolean) from public, anon, authenticated, service_role;
grant execute on function public.webhook_define_event(text, text, jsonb, jsonb, boolean) to service_role;
