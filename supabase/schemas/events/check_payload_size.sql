create or replace function webhooks.check_payload_size(payload jsonb)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    _problem text := webhooks.payload_problem(payload);
begin
    if _problem is not null then
        raise exception '%', _problem
            using errcode = '22023', hint = 'Send an id or a link in event_data and let the receiver fetch the rest.';
    end if;
end $$;
comment on function webhooks.check_payload_size(jsonb) is 'Raises 22023 with what webhooks.payload_problem returns.';
revoke all on function webhooks.check_payload_size(jsonb) from public, anon, authenticated, service_role;
