create or replace function webhooks.if_reader(value anyelement)
returns anyelement
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select if_reader.value where webhooks.is_admin() or exists (select from webhooks.tenants('read'))
$$;
comment on function webhooks.if_reader(anyelement) is 'The value for an admin and for a user who reads for a tenant, else null: the bounds of a range that policies use.';
revoke all on function webhooks.if_reader(anyelement) from public, anon, authenticated, service_role;
grant execute on function webhooks.if_reader(anyelement) to authenticated, service_role;
