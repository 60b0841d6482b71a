create or replace function public.webhook_define_event(
    name text,
    description text,
    data_schema jsonb,
    example jsonb default null
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
        webhook_define_event.example);
end $$;
comment on function public.webhook_define_event(text, text, jsonb, jsonb) is 'Adds an event type to the catalog, or changes it: its meaning, the JSON Schema of its data, and an example (made from the schema when none is given).';
revoke all on function public.webhook_define_event(text, text, jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.webhook_define_event(text, text, jsonb, jsonb) to service_role;
