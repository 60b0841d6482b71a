create or replace function webhooks.tenants(permission text)
returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
-- about that many: what the planner expects of a policy's array
rows 10
as $$
    -- as for admins: not for a sign-in that has ended or lacks the account's second factor, whatever the app's rule says
    select t
    from (select webhooks.app_metadata() is not null and webhooks.second_factor_given() as signed_in) as s
    cross join lateral public.webhook_tenants(tenants.permission) as t
    where s.signed_in and t is not null
$$;
comment on function webhooks.tenants(text) is 'The tenants for which the calling user, still signed in, has a permission: public.webhook_tenants decides. Policies and functions call it once a statement.';
revoke all on function webhooks.tenants(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.tenants(text) to authenticated, service_role;
