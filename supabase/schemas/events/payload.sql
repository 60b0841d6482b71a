create or replace function webhooks.payload(event_type text, event_data jsonb, actor_user_id uuid, request_id uuid)
returns jsonb
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return jsonb_build_object(
        'event', payload.event_type,
        'timestamp', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'actor_user_id', payload.actor_user_id,
        'data', payload.event_data,
        'request_id', payload.request_id);
end $$;
comment on function webhooks.payload(text, jsonb, uuid, uuid) is 'The body of an event, in the format that all receivers know.';
revoke all on function webhooks.payload(text, jsonb, uuid, uuid) from public, anon, authenticated, service_role;
