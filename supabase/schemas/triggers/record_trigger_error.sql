create or replace function webhooks.record_trigger_error(
    source text,
    operation text,
    event_type text,
    events integer,
    code text,
    message text,
    context text,
    data jsonb default null
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.webhook_trigger_errors (source, operation, event_type, events, code, message, context, data)
    values (record_trigger_error.source, record_trigger_error.operation, record_trigger_error.event_type,
            record_trigger_error.events, record_trigger_error.code, left(record_trigger_error.message, 1000),
            left(record_trigger_error.context, 1000), record_trigger_error.data);
exception when others then
    -- the last resort; without the message, which may repeat what a user wrote
    raise warning 'webhook events of % are lost (SQLSTATE %), and public.webhook_trigger_errors takes no row (SQLSTATE %)',
        record_trigger_error.source, record_trigger_error.code, sqlstate;
end $$;
comment on function webhooks.record_trigger_error(text, text, text, integer, text, text, text, jsonb) is 'Records an error of a webhook trigger for the dashboard. Never fails.';
revoke all on function webhooks.record_trigger_error(text, text, text, integer, text, text, text, jsonb) from public, anon, authenticated, service_role;
