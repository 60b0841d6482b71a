create or replace function webhooks.check_server()
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if not webhooks.is_server() then
        raise exception 'only server-side callers can do this, not %', current_user
            using errcode = '42501', hint = 'Call it with the project''s secret key, from a server.';
    end if;
end $$;
comment on function webhooks.check_server() is 'Raises 42501 unless the caller is a server-side role.';
revoke all on function webhooks.check_server() from public, anon, authenticated, service_role;
grant execute on function webhooks.check_server() to authenticated, service_role;
