create or replace function webhooks.redacted(payload jsonb, fields text[])
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    _field text;
    _path text[];
begin
    foreach _field in array fields loop
        _path := array['data'] || string_to_array(_field, '.');
        if payload #> _path is not null then
            payload := jsonb_set(payload, _path, '"[redacted]"');
        end if;
    end loop;
    return payload;
end $$;
comment on function webhooks.redacted(jsonb, text[]) is 'A payload with these fields of its data overwritten.';
revoke all on function webhooks.redacted(jsonb, text[]) from public, anon, authenticated, service_role;
