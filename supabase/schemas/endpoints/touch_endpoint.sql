create or replace function webhooks.touch_endpoint()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := now();
    if new.is_active and not old.is_active then
        new.disabled_at := null;
        new.disabled_reason := null;
    end if;
    return new;
end $$;
revoke all on function webhooks.touch_endpoint() from public, anon, authenticated, service_role;
