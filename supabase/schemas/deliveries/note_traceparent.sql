create or replace function webhooks.note_traceparent()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    new.traceparent := (
        select h.value
        from json_each_text(current_setting('request.headers', true)::json) as h (key, value)
        where lower(h.key) = 'traceparent' and h.value ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
        limit 1);
    return new;
exception
    when invalid_text_representation then
        -- invalid JSON in the headers must not lose an event
        return new;
end $$;
comment on function webhooks.note_traceparent() is 'Stores the traceparent of the request that creates a delivery.';
revoke all on function webhooks.note_traceparent() from public, anon, authenticated, service_role;
