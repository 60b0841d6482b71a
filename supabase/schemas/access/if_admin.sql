create or replace function webhooks.if_admin(value anyelement)
returns anyelement
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select if_admin.value where webhooks.is_admin()
$$;
comment on function webhooks.if_admin(anyelement) is 'The value for an admin, else null: the bounds of a range that policies use, which is everything for admins and nothing for others.';
revoke all on function webhooks.if_admin(anyelement) from public, anon, authenticated, service_role;
grant execute on function webhooks.if_admin(anyelement) to authenticated, service_role;
