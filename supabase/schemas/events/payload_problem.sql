-- What can be rejected is rejected before any text exists: a number of 36 bytes may have 131,072 digits as text.
create or replace function webhooks.payload_problem(payload jsonb)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    _digits numeric;
    _bytes integer;
begin
    -- no text of 256 KB takes more than five times its size as jsonb: a list of one-digit numbers takes four
    if pg_column_size(payload) > 8 * 262144 then
        return 'the webhook payload is larger than 262144 bytes; at most 262144 (256 KB) are allowed';
    end if;
    -- many parsers have a depth limit: a receiver's, or a worker's
    if payload @? '$.**{101}' then
        return 'the webhook payload is nested more than 100 levels deep';
    end if;
    -- a double ends at 1e308; what is longer than this is an attack or an accident
    select sum(case
        when abs(v.n) > 1e999 or scale(v.n) > 1000 then 'Infinity'::numeric
        when octet_length(v.n::text) > 1002 then 'Infinity'::numeric
        else octet_length(v.n::text)
    end) into _digits
    from (
        select j::numeric as n from jsonb_path_query(payload, 'strict $.** ? (@.type() == "number")') as j
    ) as v;
    if _digits = 'Infinity' then
        return 'the webhook payload has a number above 1e999 or of more than 1000 digits';
    end if;
    _bytes := case when _digits > 262144 then _digits else octet_length(payload::text) end;
    if _bytes > 262144 then
        return format('the webhook payload has %s bytes; at most 262144 (256 KB) are allowed', _bytes);
    end if;
    return null;
end $$;
comment on function webhooks.payload_problem(jsonb) is 'Why a payload cannot be sent, or null: 256 KB, 100 levels, numbers of 1,000 digits. Uses no more memory than the payload''s size.';
revoke all on function webhooks.payload_problem(jsonb) from public, anon, authenticated, service_role;
