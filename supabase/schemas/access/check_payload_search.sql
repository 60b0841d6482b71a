create or replace function webhooks.check_payload_search(payload_path text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if trim(check_payload_search.payload_path) <> '' and webhooks.hides_payloads() then
        raise exception 'you cannot search in payloads: you may not see them'
            using errcode = '42501', hint = 'Leave payload_path out, or ask an admin.';
    end if;
end $$;
comment on function webhooks.check_payload_search(text) is 'Raises 42501 for a viewer who sees no payloads and looks for a value in them: what is found, or counted, would tell it.';
revoke all on function webhooks.check_payload_search(text) from public, anon, authenticated, service_role;
