create or replace function webhooks.check_payload_size(payload jsonb)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if octet_length(payload::text) > 262144 then
        raise exception 'the webhook payload has % bytes; at most 262144 (256 KB) are allowed', octet_length(payload::text)
            using errcode = '22023', hint = 'Send an id or a link in event_data and let the receiver fetch the rest.';
    end if;
    -- parsers of many languages give up at some depth: a receiver's, or a worker's
    if payload @? '$.**{101}' then
        raise exception 'the webhook payload is nested more than 100 levels deep'
            using errcode = '22023', hint = 'Flatten event_data.';
    end if;
end $$;
revoke all on function webhooks.check_payload_size(jsonb) from public, anon, authenticated, service_role;
